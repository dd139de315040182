"""The SQL of scorers that Django's schema editor cannot say. Used by a migration only, run once, by the owner."""

from __future__ import annotations

SCORER_TRIGGERS = """
CREATE FUNCTION kvt_scorers_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR
       (to_jsonb(NEW) - '{stage,run_id,note}'::text[]) IS DISTINCT FROM (to_jsonb(OLD) - '{stage,run_id,note}'::text[])
    THEN
        RAISE EXCEPTION 'scorer % is a record: what it is does not change', OLD.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'scorers_stay';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER kvt_scorers_stay BEFORE UPDATE OR DELETE ON fraud_scorer
    FOR EACH ROW EXECUTE FUNCTION kvt_scorers_stay();

CREATE FUNCTION kvt_scorer_artefact_fits() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        RAISE EXCEPTION 'the artefact of a scorer is neither edited nor deleted'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'scorer_artefacts_stay';
    END IF;
    IF encode(sha256(NEW.content), 'hex') IS DISTINCT FROM
       (SELECT digest FROM fraud_scorer WHERE id = NEW.scorer_id) THEN
        RAISE EXCEPTION 'the artefact is not the one that the scorer names'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'scorer_artefact_digest';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER kvt_scorer_artefact_fits BEFORE INSERT OR UPDATE OR DELETE ON fraud_scorerartefact
    FOR EACH ROW EXECUTE FUNCTION kvt_scorer_artefact_fits();

CREATE FUNCTION kvt_scorer_changes_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.state <> 'open' OR
       (to_jsonb(NEW) - '{state,settled_at,settled_by_id}'::text[])
       IS DISTINCT FROM (to_jsonb(OLD) - '{state,settled_at,settled_by_id}'::text[])
    THEN
        RAISE EXCEPTION 'change % of scorers is a record', OLD.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'scorer_changes_stay';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER kvt_scorer_changes_stay BEFORE UPDATE OR DELETE ON fraud_scorerchange
    FOR EACH ROW EXECUTE FUNCTION kvt_scorer_changes_stay();

CREATE FUNCTION kvt_scorer_counter_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.version <= OLD.version THEN
        RAISE EXCEPTION 'the counter of the scorer in force only grows'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'scorer_counter_grows';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER kvt_scorer_counter_grows BEFORE UPDATE ON fraud_activescorer
    FOR EACH ROW EXECUTE FUNCTION kvt_scorer_counter_grows();
"""
DROP_SCORER_TRIGGERS = """
DROP TRIGGER kvt_scorer_counter_grows ON fraud_activescorer;
DROP FUNCTION kvt_scorer_counter_grows();
DROP TRIGGER kvt_scorer_changes_stay ON fraud_scorerchange;
DROP FUNCTION kvt_scorer_changes_stay();
DROP TRIGGER kvt_scorer_artefact_fits ON fraud_scorerartefact;
DROP FUNCTION kvt_scorer_artefact_fits();
DROP TRIGGER kvt_scorers_stay ON fraud_scorer;
DROP FUNCTION kvt_scorers_stay();
"""
