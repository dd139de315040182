"""The SQL half: functions that seal and open values with keys from the session's settings.

A sealed value is: one byte 1 (the format), four bytes of key id, one OpenPGP message. The keys are session settings
`kvt.key_<id>`; `kvt.active_<table>` names the key that writes. session.py sets both.
"""

from __future__ import annotations

ENCRYPT_OPTIONS = "cipher-algo=aes256, s2k-mode=1, compress-algo=0"
FORMAT_HEX = "01"
HEADER_BYTES = 5

# s2k-mode=1: the key is 256 random bits, so a slow key derivation (mode 3) would cost time and add nothing.
# compress-algo=0: the length of a compressed text says something about the text.
CREATE = [
    """
CREATE OR REPLACE FUNCTION kvt_encrypt(plain text, key_table text) RETURNS bytea LANGUAGE plpgsql STRICT AS $kvt$
DECLARE
  key_id text := current_setting('kvt.active_' || key_table, true);
  secret text := current_setting('kvt.key_' || key_id, true);
BEGIN
  IF coalesce(secret, '') = '' THEN
    RAISE EXCEPTION 'no active encryption key for table %% in this session', key_table
      USING ERRCODE = 'KV001', HINT = 'Connect through the application, or run manage.py rotate_keys --create.';
  END IF;
  IF left(plain, 1) = chr(1) THEN
    RAISE EXCEPTION 'a value to encrypt begins with a control character or comes from an unreadable row'
      USING ERRCODE = 'KV002';
  END IF;
  RETURN decode('{format}' || key_id, 'hex') || {pgcrypto}.pgp_sym_encrypt(plain, secret, '{options}');
END $kvt$""",
    """
CREATE OR REPLACE FUNCTION kvt_decrypt(sealed bytea) RETURNS text LANGUAGE plpgsql STABLE STRICT AS $kvt$
DECLARE
  key_id text := encode(substr(sealed, 2, 4), 'hex');
  secret text;
BEGIN
  IF NOT kvt_is_sealed(sealed) THEN
    RETURN chr(1) || 'format:' || key_id || ':';
  END IF;
  secret := current_setting('kvt.key_' || key_id, true);
  IF coalesce(secret, '') = '' THEN
    RETURN chr(1) || 'missing:' || key_id || ':' || encode(sealed, 'base64');
  END IF;
  RETURN {pgcrypto}.pgp_sym_decrypt(substr(sealed, 6), secret);
EXCEPTION WHEN external_routine_invocation_exception OR data_exception THEN
  RETURN chr(1) || 'failed:' || key_id || ':';
END $kvt$""",
    """
CREATE OR REPLACE FUNCTION kvt_is_sealed(value bytea) RETURNS boolean LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS
$kvt$ SELECT octet_length(value) > 5 AND substr(value, 1, 1) = '\\x{format}'::bytea $kvt$""",
    """
CREATE OR REPLACE FUNCTION kvt_key_id(sealed bytea) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS
$kvt$ SELECT encode(substr(sealed, 2, 4), 'hex') $kvt$""",
    # The result of an expression: text is encrypted, what a part of it has already encrypted passes.
    """
CREATE OR REPLACE FUNCTION kvt_seal(value text, key_table text) RETURNS bytea LANGUAGE sql STRICT AS
$kvt$ SELECT kvt_encrypt(value, key_table) $kvt$""",
    """
CREATE OR REPLACE FUNCTION kvt_seal(value bytea, key_table text) RETURNS bytea LANGUAGE plpgsql STRICT AS $kvt$
BEGIN
  IF NOT kvt_is_sealed(value) THEN
    RAISE EXCEPTION 'bytes for table %% are not a sealed value', key_table USING ERRCODE = 'KV003';
  END IF;
  RETURN value;
END $kvt$""",
    # For rotation: what cannot be read stays as it is.
    """
CREATE OR REPLACE FUNCTION kvt_reencrypt(sealed bytea, key_table text) RETURNS bytea LANGUAGE plpgsql STRICT AS $kvt$
DECLARE
  plain text;
BEGIN
  IF kvt_key_id(sealed) = current_setting('kvt.active_' || key_table, true) THEN
    RETURN sealed;
  END IF;
  plain := kvt_decrypt(sealed);
  RETURN CASE WHEN left(plain, 1) = chr(1) THEN sealed ELSE kvt_encrypt(plain, key_table) END;
END $kvt$""",
]

DROP = [
    "DROP FUNCTION IF EXISTS kvt_reencrypt(bytea, text)",
    "DROP FUNCTION IF EXISTS kvt_seal(bytea, text)",
    "DROP FUNCTION IF EXISTS kvt_seal(text, text)",
    "DROP FUNCTION IF EXISTS kvt_key_id(bytea)",
    "DROP FUNCTION IF EXISTS kvt_decrypt(bytea)",
    "DROP FUNCTION IF EXISTS kvt_is_sealed(bytea)",
    "DROP FUNCTION IF EXISTS kvt_encrypt(text, text)",
]


def create_statements(pgcrypto_schema: str) -> list[str]:
    """pgcrypto's functions are called by their schema, so that no other function of that name can stand in."""
    names = {"{pgcrypto}": pgcrypto_schema, "{options}": ENCRYPT_OPTIONS, "{format}": FORMAT_HEX, "%%": "%"}
    statements = []
    for statement in CREATE:
        for name, value in names.items():
            statement = statement.replace(name, value)
        statements.append(statement)
    return statements
