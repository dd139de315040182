"""The SQL of label versions that Django's schema editor cannot say. Used by a migration only, by the owner."""

from __future__ import annotations

# Once a statement and not once a row: a load of a hundred thousand labels fires each of them once. The clock is read
# when the rows are there, close to the commit: the transaction's own time may lie a whole load before it.
VERSION_TRIGGERS = """
CREATE FUNCTION kvt_label_is_new() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO fraud_labelversion (tenant_id, label_id, is_fraud, pattern, known_at, recorded_at, stood)
    SELECT tenant_id, id, is_fraud, pattern, known_at, clock_timestamp(), true FROM told ORDER BY id;
    RETURN NULL;
END $$;
CREATE TRIGGER kvt_label_is_new AFTER INSERT ON fraud_fraudlabel
    REFERENCING NEW TABLE AS told FOR EACH STATEMENT EXECUTE FUNCTION kvt_label_is_new();

-- Its plan is kept from its first change on. Made for one row, it compared each with each: 10,000 took half a minute.
CREATE FUNCTION kvt_label_has_changed() RETURNS trigger LANGUAGE plpgsql SET enable_nestloop = off AS $$
BEGIN
    IF EXISTS (SELECT FROM told LEFT JOIN stood USING (id, tenant_id, payment_id, source) WHERE stood.id IS NULL) THEN
        RAISE EXCEPTION 'a label stays with its payment and its source: its versions belong to them'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'labels_stay_where_they_are';
    END IF;
    INSERT INTO fraud_labelversion (tenant_id, label_id, is_fraud, pattern, known_at, recorded_at, stood)
    SELECT t.tenant_id, t.id, t.is_fraud, t.pattern, t.known_at, clock_timestamp(), true
    FROM told t JOIN stood s ON s.id = t.id
    WHERE (t.is_fraud, t.pattern, t.known_at) IS DISTINCT FROM (s.is_fraud, s.pattern, s.known_at) ORDER BY t.id;
    RETURN NULL;
END $$;
CREATE TRIGGER kvt_label_has_changed AFTER UPDATE ON fraud_fraudlabel
    REFERENCING OLD TABLE AS stood NEW TABLE AS told FOR EACH STATEMENT EXECUTE FUNCTION kvt_label_has_changed();

CREATE FUNCTION kvt_label_versions_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Retention deletes as the owner of the schema; nobody edits.
    IF TG_OP = 'DELETE'
       AND pg_has_role(current_user, (SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE') THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'version % of a label is a record: it is neither edited nor deleted', OLD.id
        USING ERRCODE = 'check_violation', CONSTRAINT = 'label_versions_stay';
END $$;
CREATE TRIGGER kvt_label_versions_stay BEFORE UPDATE OR DELETE ON fraud_labelversion
    FOR EACH ROW EXECUTE FUNCTION kvt_label_versions_stay();
"""
DROP_VERSION_TRIGGERS = """
DROP TRIGGER kvt_label_is_new ON fraud_fraudlabel;
DROP TRIGGER kvt_label_has_changed ON fraud_fraudlabel;
DROP TRIGGER kvt_label_versions_stay ON fraud_labelversion;
DROP FUNCTION kvt_label_is_new();
DROP FUNCTION kvt_label_has_changed();
DROP FUNCTION kvt_label_versions_stay();
"""
# Of labels that were there before their versions nobody noted when they were recorded: they count as recorded when
# they became known, and those that become known in the future as recorded now.
FIRST_VERSIONS = """
INSERT INTO fraud_labelversion (tenant_id, label_id, is_fraud, pattern, known_at, recorded_at, stood)
SELECT tenant_id, id, is_fraud, pattern, known_at, least(known_at, clock_timestamp()), true
FROM fraud_fraudlabel ORDER BY id;
"""
