"""What can go wrong with keys and sealed values, each as a sentence with its next step."""

from __future__ import annotations

from kivendtout.lib.errors import KvtError


class CryptoError(KvtError):
    code = "encryption"
    message = "An encrypted value cannot be used this way. See docs/encryption.md."


class KeyRingError(CryptoError):
    code = "key_ring"
    message = "The key ring cannot be used. Run `manage.py check --database default`, then read docs/encryption.md."


class MissingKey(KeyRingError):
    """No key may write here; creating one silently in production could split a data set between two rings."""

    code = "missing_key"


class KeysWithheld(KeyRingError):
    """The session would let values, and so keys, reach a log."""

    code = "keys_withheld"


class UnsafeUse(CryptoError, TypeError):
    """A query that would be wrong or would leak, refused before it reaches the database."""

    code = "unsafe_use_of_encrypted_field"
