"""The SQL of feature catalogues that Django's schema editor cannot say. Used by a migration only, run by the owner."""

from __future__ import annotations

CATALOGUE_STAYS = """
ALTER TABLE fraud_featurecatalogue ADD CONSTRAINT catalogue_version_is_its_digest
    CHECK (version = left(encode(sha256(convert_to(columns, 'UTF8')), 'hex'), 12));

CREATE FUNCTION kvt_catalogues_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'feature catalogue % is a record: it is neither edited nor deleted', OLD.version
        USING ERRCODE = 'check_violation', CONSTRAINT = 'catalogues_stay';
END $$;
CREATE TRIGGER kvt_catalogues_stay BEFORE UPDATE OR DELETE ON fraud_featurecatalogue
    FOR EACH ROW EXECUTE FUNCTION kvt_catalogues_stay();
"""
DROP_CATALOGUE_STAYS = """
DROP TRIGGER kvt_catalogues_stay ON fraud_featurecatalogue;
DROP FUNCTION kvt_catalogues_stay();
ALTER TABLE fraud_featurecatalogue DROP CONSTRAINT catalogue_version_is_its_digest;
"""
