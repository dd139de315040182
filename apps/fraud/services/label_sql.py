"""The statements that record verdicts: staged, each with its payment, compared with what stands, merged, remembered."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_noop

STAGE: Final = "ingest_verdict"
STAGE_COLUMNS: Final = """
    n integer PRIMARY KEY, payment_id text, customer_id text, is_fraud boolean, source text, pattern text,
    known_at timestamptz, dated boolean
"""
FOUND: Final = "ingest_verdict_found"
FOUND_COLUMNS: Final = "n integer PRIMARY KEY, payment bigint, early boolean, fault text, stands boolean"
FAULTS: Final[dict[str, str]] = {
    "unknown_payment": gettext_noop(
        "payment_id %(payment)s is not a known payment. Send the payment first, then its label."
    ),
    "other_customer": gettext_noop(
        "payment_id %(payment)s belongs to another customer. Correct customer_id, or leave it out."
    ),
    "before_payment": gettext_noop(
        "known_at lies before the payment was attempted. Send the time at which the verdict became known."
    ),
}
# Of several verdicts of one source on one payment in a batch, the latest known stands; of two as late, the last told.
FIND: Final = f"""
INSERT INTO {FOUND}
SELECT n, payment, early, fault, fault IS NULL AND NOT early AND row_number() OVER (
    PARTITION BY payment, source, fault IS NULL ORDER BY known_at DESC, n DESC) = 1
FROM (
    SELECT s.n, s.source, s.known_at, r.id AS payment, r.id IS NULL AND %(wait)s AS early, CASE
        WHEN r.id IS NULL AND NOT %(wait)s THEN 'unknown_payment'
        WHEN c.external_id <> s.customer_id THEN 'other_customer'
        WHEN s.known_at < r.attempted_at THEN 'before_payment'
        END AS fault
    FROM {STAGE} s
    LEFT JOIN LATERAL (SELECT * FROM payments_paymentreference
        WHERE tenant_id = %(tenant)s AND external_id = s.payment_id LIMIT 1) r ON true
    LEFT JOIN LATERAL (SELECT customer_id FROM payments_payment
        WHERE id = r.id AND attempted_at = r.attempted_at LIMIT 1) p ON true
    LEFT JOIN LATERAL (SELECT external_id FROM customers_customer WHERE id = p.customer_id LIMIT 1) c ON true
) told
"""  # noqa: S608  constants only
TOLD: Final = f"SELECT n, payment, early, fault, stands FROM {FOUND} ORDER BY n"  # noqa: S608
# Before all else, and in the order in which MERGE comes to them: two batches that judge the same payments wait for each
# other, and never crosswise. All that MERGE looks at, as it locks also what it leaves as it is. A statement of its own:
# what another batch changed while this one waited is seen by the next one only. Sorted first, then locked one by one.
LOCK: Final = f"""
WITH judged AS MATERIALIZED (
    SELECT f.payment, s.source FROM {STAGE} s JOIN {FOUND} f USING (n) WHERE f.stands ORDER BY f.payment, s.source)
SELECT count(*) FROM (
    SELECT l.id FROM judged CROSS JOIN LATERAL (SELECT id FROM fraud_fraudlabel
        WHERE payment_id = judged.payment AND source = judged.source AND tenant_id = %(tenant)s
        LIMIT 1 FOR NO KEY UPDATE) l) locked
"""  # noqa: S608
# In the order of LOCK.
MERGE: Final = f"""
INSERT INTO fraud_fraudlabel AS l (tenant_id, payment_id, is_fraud, source, pattern, known_at)
SELECT %(tenant)s::bigint, f.payment, s.is_fraud, s.source, coalesce(s.pattern, ''), s.known_at
FROM {STAGE} s JOIN {FOUND} f USING (n) WHERE f.stands ORDER BY f.payment, s.source
ON CONFLICT (payment_id, source) DO UPDATE
    SET is_fraud = excluded.is_fraud, pattern = coalesce(nullif(excluded.pattern, ''), l.pattern),
        known_at = CASE WHEN excluded.is_fraud = l.is_fraud THEN l.known_at ELSE excluded.known_at END
    WHERE excluded.known_at > l.known_at AND (excluded.is_fraud <> l.is_fraud
        OR excluded.pattern NOT IN ('', l.pattern))
RETURNING l.id, l.payment_id, l.source
"""  # noqa: S608
# What changed nothing, because its source said the same before or something newer already, never stood here. The world
# knew it all the same: what was known on a date must not depend on the order in which it was told. But of a verdict
# told without a time nobody said that it was news: where its source says so already, it is known since then.
REMEMBER: Final = f"""
INSERT INTO fraud_labelversion (tenant_id, label_id, is_fraud, pattern, known_at, recorded_at, stood)
SELECT DISTINCT ON (l.id, s.known_at) l.tenant_id, l.id, s.is_fraud, coalesce(s.pattern, ''), s.known_at,
       clock_timestamp(), false
FROM {STAGE} s JOIN {FOUND} f USING (n)
JOIN LATERAL (SELECT * FROM fraud_fraudlabel
    WHERE payment_id = f.payment AND source = s.source AND tenant_id = %(tenant)s LIMIT 1) l ON true
WHERE f.fault IS NULL AND (s.dated OR s.is_fraud <> l.is_fraud OR coalesce(s.pattern, '') NOT IN ('', l.pattern))
    AND NOT EXISTS (SELECT FROM fraud_labelversion v WHERE v.label_id = l.id AND v.known_at = s.known_at)
ORDER BY l.id, s.known_at, s.n DESC
"""  # noqa: S608
# Read before the merge, and locked: what stands and is about to change, for the audit trail.
STOOD: Final = f"""
SELECT l.id, l.payment_id, l.source, l.is_fraud, l.pattern, l.known_at
FROM {STAGE} s JOIN {FOUND} f USING (n)
JOIN LATERAL (SELECT * FROM fraud_fraudlabel
    WHERE payment_id = f.payment AND source = s.source AND tenant_id = %(tenant)s AND s.known_at > known_at
        AND (s.is_fraud <> is_fraud OR coalesce(s.pattern, '') NOT IN ('', pattern))
    LIMIT 1) l ON true
WHERE f.stands
"""  # noqa: S608
# What a batch would do, and nothing of it done. As MERGE has it.
CHECK: Final = f"""
SELECT s.n, f.fault, CASE
    WHEN NOT f.stands THEN 'repeated'
    WHEN l.id IS NULL THEN 'new'
    WHEN s.known_at > l.known_at AND s.is_fraud <> l.is_fraud THEN 'turned'
    WHEN s.known_at > l.known_at AND coalesce(s.pattern, '') NOT IN ('', l.pattern) THEN 'kind'
    ELSE 'repeated' END
FROM {STAGE} s JOIN {FOUND} f USING (n)
LEFT JOIN LATERAL (SELECT * FROM fraud_fraudlabel
    WHERE payment_id = f.payment AND source = s.source AND tenant_id = %(tenant)s LIMIT 1) l ON true
ORDER BY s.n
"""  # noqa: S608
