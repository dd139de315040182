"""The SQL of rules that Django's schema editor cannot say. Used by a migration only, run once, by the owner."""

from __future__ import annotations

RULE_TRIGGERS = """
ALTER TABLE fraud_ruleset ADD CONSTRAINT rule_set_digest
    CHECK (digest = encode(sha256(convert_to(content, 'UTF8')), 'hex'));

CREATE FUNCTION kvt_rule_names_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.tenant_id, NEW.code) IS DISTINCT FROM (OLD.id, OLD.tenant_id, OLD.code) THEN
        RAISE EXCEPTION 'the code of rule % does not change', OLD.code
            USING ERRCODE = 'check_violation', CONSTRAINT = 'rule_names_stay';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER kvt_rule_names_stay BEFORE UPDATE ON fraud_rule
    FOR EACH ROW EXECUTE FUNCTION kvt_rule_names_stay();

CREATE FUNCTION kvt_guard_rule_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'draft' OR NEW.approved_by_id IS NOT NULL OR NEW.live_at IS NOT NULL THEN
            RAISE EXCEPTION 'a rule version begins as a draft'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'rule_begins_as_draft';
        END IF;
        RETURN NEW;
    END IF;
    IF TG_OP = 'DELETE' THEN
        IF OLD.state = 'draft' THEN
            RETURN OLD;
        END IF;
        RAISE EXCEPTION 'rule version % has been in use: it stays', OLD.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'rule_versions_stay';
    END IF;
    IF (NEW.id, NEW.tenant_id, NEW.rule_id, NEW.number, NEW.created_by_id, NEW.created_at, NEW.shipped, NEW.restores)
       IS DISTINCT FROM
       (OLD.id, OLD.tenant_id, OLD.rule_id, OLD.number, OLD.created_by_id, OLD.created_at, OLD.shipped, OLD.restores)
       OR (OLD.state <> 'draft' AND
           (NEW.expression, NEW.parameters, NEW.points, NEW.action, NEW.sentence_fr, NEW.sentence_en, NEW.severity,
            NEW.owner, NEW.tags, NEW.valid_from, NEW.valid_until, NEW.change_note, NEW.emergency, NEW.submitted_at)
           IS DISTINCT FROM
           (OLD.expression, OLD.parameters, OLD.points, OLD.action, OLD.sentence_fr, OLD.sentence_en, OLD.severity,
            OLD.owner, OLD.tags, OLD.valid_from, OLD.valid_until, OLD.change_note, OLD.emergency, OLD.submitted_at))
    THEN
        RAISE EXCEPTION 'the content of rule version % does not change any more', OLD.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'rule_content_stays';
    END IF;
    IF (OLD.approved_by_id IS NOT NULL AND
        (NEW.approved_by_id, NEW.approved_at) IS DISTINCT FROM (OLD.approved_by_id, OLD.approved_at))
       OR (OLD.live_at IS NOT NULL AND NEW.live_at IS DISTINCT FROM OLD.live_at) THEN
        RAISE EXCEPTION 'who approved rule version % does not change any more', OLD.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'rule_approval_stays';
    END IF;
    IF NEW.state = 'live' AND NEW.live_at IS NULL THEN
        RAISE EXCEPTION 'rule version % goes live without a date', OLD.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'rule_state_moves';
    END IF;
    -- Backwards only to what it has been: for returning to an earlier rule set as a whole.
    IF NEW.state <> OLD.state AND NOT (
           (OLD.state = 'draft' AND NEW.state IN ('shadow', 'retired'))
        OR (OLD.state = 'draft' AND NEW.state = 'live' AND (NEW.shipped OR NEW.emergency))
        OR (OLD.state = 'shadow' AND NEW.state IN ('live', 'retired'))
        OR (OLD.state = 'live' AND NEW.state = 'retired')
        OR (OLD.state = 'retired' AND NEW.state = 'live' AND OLD.live_at IS NOT NULL)
        OR (OLD.state IN ('retired', 'live') AND NEW.state = 'shadow' AND OLD.submitted_at IS NOT NULL)) THEN
        RAISE EXCEPTION 'a rule version in state % does not become %', OLD.state, NEW.state
            USING ERRCODE = 'check_violation', CONSTRAINT = 'rule_state_moves';
    END IF;
    -- An immediate return repeats, to the letter, a version that had been live.
    IF NEW.emergency AND NEW.state = 'live' AND OLD.state = 'draft' AND NOT EXISTS (
        SELECT FROM fraud_ruleversion e
         WHERE e.rule_id = NEW.rule_id AND e.number = NEW.restores AND e.live_at IS NOT NULL
           AND (e.expression, e.parameters, e.points, e.action, e.sentence_fr, e.sentence_en, e.severity,
                e.valid_from, e.valid_until)
               IS NOT DISTINCT FROM
               (NEW.expression, NEW.parameters, NEW.points, NEW.action, NEW.sentence_fr, NEW.sentence_en, NEW.severity,
                NEW.valid_from, NEW.valid_until))
    THEN
        RAISE EXCEPTION 'rule version % repeats no version that has been live', OLD.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'rule_emergency_repeats';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER kvt_guard_rule_version BEFORE INSERT OR UPDATE OR DELETE ON fraud_ruleversion
    FOR EACH ROW EXECUTE FUNCTION kvt_guard_rule_version();

CREATE FUNCTION kvt_rule_sets_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rule set % is a snapshot: it is neither edited nor deleted', OLD.number
        USING ERRCODE = 'check_violation', CONSTRAINT = 'rule_sets_stay';
END $$;
CREATE TRIGGER kvt_rule_sets_stay BEFORE UPDATE OR DELETE ON fraud_ruleset
    FOR EACH ROW EXECUTE FUNCTION kvt_rule_sets_stay();

CREATE FUNCTION kvt_rule_counter_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.version <= OLD.version THEN
        RAISE EXCEPTION 'the counter of the rule set in force only grows'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'rule_counter_grows';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER kvt_rule_counter_grows BEFORE UPDATE ON fraud_activeruleset
    FOR EACH ROW EXECUTE FUNCTION kvt_rule_counter_grows();
"""
DROP_RULE_TRIGGERS = """
DROP TRIGGER kvt_rule_counter_grows ON fraud_activeruleset;
DROP FUNCTION kvt_rule_counter_grows();
DROP TRIGGER kvt_rule_sets_stay ON fraud_ruleset;
DROP FUNCTION kvt_rule_sets_stay();
DROP TRIGGER kvt_guard_rule_version ON fraud_ruleversion;
DROP FUNCTION kvt_guard_rule_version();
DROP TRIGGER kvt_rule_names_stay ON fraud_rule;
DROP FUNCTION kvt_rule_names_stay();
ALTER TABLE fraud_ruleset DROP CONSTRAINT rule_set_digest;
"""
