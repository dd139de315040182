"""The SQL that Django's schema editor cannot say: the partitioned table, its functions and triggers.

Kept beside the models, used by migrations only. Every statement is written to be run once, by the owner role.
"""

from __future__ import annotations

# Each foreign key costs about 10 µs a row. Two need none of their own: the tenant comes with the reference's composite
# key, and the initial status equals the status when kvt_guard_payment lets the row in and never changes afterwards.
PAYMENT_TABLE = """
CREATE TABLE payments_payment (
    id bigint NOT NULL,
    tenant_id bigint NOT NULL,
    attempted_at timestamptz NOT NULL,
    customer_id bigint NOT NULL,
    status_id varchar(16) NOT NULL REFERENCES payments_paymentstatus (code),
    initial_status_id varchar(16) NOT NULL,
    amount numeric(14, 3) NOT NULL CONSTRAINT payment_amount_not_negative CHECK (amount >= 0),
    currency_id varchar(3) NOT NULL REFERENCES payments_currency (code),
    merchant_id bigint,
    method_id bigint NOT NULL,
    device_id bigint,
    session_id bigint,
    billing_address_id bigint,
    payment_country varchar(2) NOT NULL CONSTRAINT payment_country_iso CHECK (payment_country ~ '^([A-Z]{2})?$'),
    ip_hash bytea,
    failure_code varchar(32) NOT NULL,
    recorded_by varchar(64) NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (id, attempted_at),
    CONSTRAINT payment_has_its_reference FOREIGN KEY (id, tenant_id, attempted_at)
        REFERENCES payments_paymentreference (id, tenant_id, attempted_at) DEFERRABLE INITIALLY IMMEDIATE
) PARTITION BY RANGE (attempted_at);

CREATE INDEX payment_of_customer ON payments_payment (customer_id, attempted_at DESC);
CREATE INDEX payment_newest_first ON payments_payment (tenant_id, attempted_at DESC, id DESC);
CREATE INDEX payment_of_device ON payments_payment USING hash (device_id);
CREATE INDEX payment_of_address ON payments_payment USING hash (ip_hash);
CREATE INDEX payment_period ON payments_payment USING brin (attempted_at) WITH (pages_per_range = 32);
"""

# What senders may tell beside the payment itself. The defaults stay, so that code of the release before still records.
TOLD_FACTS = """
ALTER TABLE payments_payment
    ADD COLUMN ip_country varchar(2) NOT NULL DEFAULT ''
        CONSTRAINT payment_ip_country_iso CHECK (ip_country ~ '^([A-Z]{2})?$'),
    ADD COLUMN billing_country varchar(2) NOT NULL DEFAULT ''
        CONSTRAINT payment_billing_country_iso CHECK (billing_country ~ '^([A-Z]{2})?$'),
    ADD COLUMN cart_at timestamptz NULL CONSTRAINT payment_cart_comes_first CHECK (cart_at <= attempted_at),
    ADD COLUMN basket_size integer NULL
        CONSTRAINT payment_basket_size_fits CHECK (basket_size BETWEEN 0 AND 1000000),
    ADD COLUMN adult_restricted boolean NULL;
"""
DROP_TOLD_FACTS = """
ALTER TABLE payments_payment
    DROP COLUMN ip_country, DROP COLUMN billing_country, DROP COLUMN cart_at, DROP COLUMN basket_size,
    DROP COLUMN adult_restricted;
"""

# SECURITY DEFINER: the application's role may ask for a month's partition, and can create nothing else.
PARTITION_FUNCTION = """
CREATE FUNCTION kvt_ensure_payment_partition(day date) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    first date := date_trunc('month', day)::date;
    next_first date := (date_trunc('month', day) + interval '1 month')::date;
    name text := 'payments_payment_' || to_char(day, 'YYYY_MM');
BEGIN
    IF day < DATE '2000-01-01' OR day >= DATE '2100-01-01' THEN
        RAISE EXCEPTION 'no payment partition for %: expected a day between 2000 and 2099', day
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF to_regclass('public.' || name) IS NOT NULL THEN
        RETURN NULL;
    END IF;
    -- Two processes may find it missing at once; the second waits here, then sees it.
    PERFORM pg_advisory_xact_lock(hashtext('kvt_payment_partition'));
    IF to_regclass('public.' || name) IS NOT NULL THEN
        RETURN NULL;
    END IF;
    EXECUTE format(
        'CREATE TABLE public.%I PARTITION OF public.payments_payment FOR VALUES FROM (%L) TO (%L)',
        name, first::text || ' 00:00:00+00', next_first::text || ' 00:00:00+00');
    RETURN name;
END $$;
"""

# Inserting a state change is the change: this trigger moves the payment, or refuses the row.
# Creation has no state change: the payment itself says in which status, when and by which path it was recorded.
STATE_TRIGGERS = """
ALTER TABLE payments_paymentstatechange
    ADD CONSTRAINT state_change_is_allowed FOREIGN KEY (from_status_id, to_status_id)
    REFERENCES payments_paymenttransition (from_status_id, to_status_id);

CREATE FUNCTION kvt_move_payment() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    moved bigint;
BEGIN
    UPDATE payments_payment p SET status_id = NEW.to_status_id
      FROM payments_paymentreference r
     WHERE r.id = NEW.payment_id AND r.tenant_id = NEW.tenant_id
       AND p.id = r.id AND p.attempted_at = r.attempted_at AND p.status_id = NEW.from_status_id;
    GET DIAGNOSTICS moved = ROW_COUNT;
    IF moved <> 1 THEN
        RAISE EXCEPTION 'payment % is not in status %', NEW.payment_id, NEW.from_status_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'state_change_from_current';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER kvt_move_payment AFTER INSERT ON payments_paymentstatechange
    FOR EACH ROW EXECUTE FUNCTION kvt_move_payment();

CREATE FUNCTION kvt_guard_payment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.status_id <> NEW.initial_status_id
           OR NOT EXISTS (SELECT FROM payments_paymentstatus s WHERE s.code = NEW.status_id AND s.is_initial) THEN
            RAISE EXCEPTION 'a payment cannot be recorded in status %', NEW.status_id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_initial_status';
        END IF;
    ELSIF NEW.status_id <> OLD.status_id AND pg_trigger_depth() < 2 THEN
        -- Depth 2 is the trigger above; anything else is somebody updating the column by hand.
        RAISE EXCEPTION 'the status of payment % changes only by a state change', OLD.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_status_by_state_change';
    ELSIF (NEW.id, NEW.tenant_id, NEW.attempted_at, NEW.initial_status_id, NEW.customer_id, NEW.amount,
           NEW.currency_id, NEW.recorded_at, NEW.recorded_by)
          IS DISTINCT FROM
          (OLD.id, OLD.tenant_id, OLD.attempted_at, OLD.initial_status_id, OLD.customer_id, OLD.amount,
           OLD.currency_id, OLD.recorded_at, OLD.recorded_by) THEN
        RAISE EXCEPTION 'what was recorded of payment % does not change', OLD.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_identity';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER kvt_guard_payment BEFORE INSERT OR UPDATE ON payments_payment
    FOR EACH ROW EXECUTE FUNCTION kvt_guard_payment();

-- Retention drops whole months as the owner of the schema; the application's role deletes no payment.
CREATE FUNCTION kvt_payments_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF pg_has_role(current_user, (SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE') THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'payment % is a record: it is not deleted', OLD.id
        USING ERRCODE = 'check_violation', CONSTRAINT = 'payments_stay';
END $$;
CREATE TRIGGER kvt_payments_stay BEFORE DELETE ON payments_payment
    FOR EACH ROW EXECUTE FUNCTION kvt_payments_stay();

CREATE FUNCTION kvt_state_changes_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'state changes are history: they are neither edited nor deleted'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'state_changes_stay';
END $$;
CREATE TRIGGER kvt_state_changes_stay BEFORE UPDATE OR DELETE ON payments_paymentstatechange
    FOR EACH ROW EXECUTE FUNCTION kvt_state_changes_stay();
"""
DROP_STATE_TRIGGERS = """
DROP TRIGGER kvt_state_changes_stay ON payments_paymentstatechange;
DROP FUNCTION kvt_state_changes_stay();
DROP TRIGGER kvt_payments_stay ON payments_payment;
DROP FUNCTION kvt_payments_stay();
DROP TRIGGER kvt_guard_payment ON payments_payment;
DROP FUNCTION kvt_guard_payment();
DROP TRIGGER kvt_move_payment ON payments_paymentstatechange;
DROP FUNCTION kvt_move_payment();
ALTER TABLE payments_paymentstatechange DROP CONSTRAINT state_change_is_allowed;
"""

# What a new payment need not be asked, because something else answers for it; each costs 4 to 7 µs a row:
# - Its customer: the method of payment is the customer's own, and has a foreign key to them. One key for both, which
#   also refuses a payment by somebody else's method.
# - Whether its status exists: transitions point at those that payments begin and end in, so these cannot go.
# - The guard's look at the table of statuses, for those that states.py begins with.
LEAN_INSERTS = """
ALTER TABLE payments_paymentmethod ADD CONSTRAINT payment_method_of_customer UNIQUE (id, customer_id, tenant_id);
ALTER TABLE payments_payment ADD CONSTRAINT tenant_fk_payment_own_method FOREIGN KEY (method_id, customer_id, tenant_id)
    REFERENCES payments_paymentmethod (id, customer_id, tenant_id) DEFERRABLE INITIALLY IMMEDIATE;
ALTER TABLE payments_payment DROP CONSTRAINT tenant_fk_payment_method_id;
ALTER TABLE payments_payment DROP CONSTRAINT tenant_fk_payment_customer_id;
ALTER TABLE payments_payment DROP CONSTRAINT payments_payment_status_id_fkey;
DROP TRIGGER kvt_guard_payment ON payments_payment;
CREATE TRIGGER kvt_guard_payment BEFORE UPDATE ON payments_payment
    FOR EACH ROW EXECUTE FUNCTION kvt_guard_payment();
CREATE TRIGGER kvt_guard_new_payment BEFORE INSERT ON payments_payment FOR EACH ROW
    WHEN (NEW.status_id <> NEW.initial_status_id OR NEW.status_id NOT IN ('pending', 'success', 'failed'))
    EXECUTE FUNCTION kvt_guard_payment();
"""
DROP_LEAN_INSERTS = """
DROP TRIGGER kvt_guard_new_payment ON payments_payment;
DROP TRIGGER kvt_guard_payment ON payments_payment;
CREATE TRIGGER kvt_guard_payment BEFORE INSERT OR UPDATE ON payments_payment
    FOR EACH ROW EXECUTE FUNCTION kvt_guard_payment();
ALTER TABLE payments_payment ADD CONSTRAINT payments_payment_status_id_fkey FOREIGN KEY (status_id)
    REFERENCES payments_paymentstatus (code);
ALTER TABLE payments_payment ADD CONSTRAINT tenant_fk_payment_customer_id FOREIGN KEY (customer_id, tenant_id)
    REFERENCES customers_customer (id, tenant_id) DEFERRABLE INITIALLY IMMEDIATE;
ALTER TABLE payments_payment ADD CONSTRAINT tenant_fk_payment_method_id FOREIGN KEY (method_id, tenant_id)
    REFERENCES payments_paymentmethod (id, tenant_id) DEFERRABLE INITIALLY IMMEDIATE;
ALTER TABLE payments_payment DROP CONSTRAINT tenant_fk_payment_own_method;
ALTER TABLE payments_paymentmethod DROP CONSTRAINT payment_method_of_customer;
"""
