"""The SQL that turns staged payments into rows. The only way by which a payment comes to exist from outside.

Order matters: who and what is known → devices, sessions, methods that are not → the reference, which is unique per
tenant and external id and so makes repeats harmless → the payment itself.
"""

from __future__ import annotations

STAGE = "ingest_payment"
STAGE_COLUMNS = """
    n integer, payment_id text, customer_id text, attempted_at timestamptz, status text, amount numeric(14, 3),
    currency text, method text, card_bin text, last_four text, number_hash bytea, issuer_country text,
    payment_country text, ip_hash bytea, device_id text, device_kind text, os text, browser text, merchant_id text,
    failure_code text, session_id text, session_started_at timestamptz, utm_source text, utm_campaign text,
    trace_id text
"""
FOUND = "ingest_payment_found"
FOUND_COLUMNS = """
    n integer, customer bigint, merchant bigint, session bigint, known bigint, known_at timestamptz, fault text
"""
MADE = "ingest_payment_made"
MADE_COLUMNS = "n integer, id bigint"

FIND = """
INSERT INTO ingest_payment_found
SELECT s.n, c.id, m.id, w.id, r.id, r.attempted_at, CASE
    WHEN c.id IS NULL
        THEN 'customer_id ' || s.customer_id || ' is not a known customer. Load the customer first.'
    WHEN s.merchant_id IS NOT NULL AND m.id IS NULL
        THEN 'merchant_id ' || s.merchant_id || ' is not a known merchant. Load the merchant first.'
    WHEN w.customer_id <> c.id
        THEN 'session_id ' || s.session_id || ' belongs to another customer.'
    WHEN u.code IS NULL
        THEN 'currency ' || s.currency || ' is not one that payments can be made in.'
    WHEN scale(trim_scale(s.amount)) > u.minor_units
        THEN 'amount ' || trim_scale(s.amount) || ' has more decimals than ' || s.currency || ' has.'
    WHEN p.customer_id <> c.id
        THEN 'payment_id ' || s.payment_id || ' is already recorded for another customer.'
    WHEN p.amount <> s.amount OR p.currency_id <> s.currency
        THEN 'payment_id ' || s.payment_id || ' is already recorded with another amount.'
    END
FROM ingest_payment s
LEFT JOIN customers_customer c ON c.tenant_id = %(tenant)s AND c.external_id = s.customer_id
LEFT JOIN payments_merchant m ON m.tenant_id = %(tenant)s AND m.external_id = s.merchant_id
LEFT JOIN customers_websession w ON w.tenant_id = %(tenant)s AND w.external_id = s.session_id
LEFT JOIN payments_currency u ON u.code = s.currency
LEFT JOIN payments_paymentreference r ON r.tenant_id = %(tenant)s AND r.external_id = s.payment_id
LEFT JOIN payments_payment p ON p.id = r.id AND p.attempted_at = r.attempted_at
"""

FAULTS = "SELECT n, fault FROM ingest_payment_found WHERE fault IS NOT NULL ORDER BY n"

# Sorted, so that two batches that meet the same device wait for each other instead of deadlocking.
DEVICES = """
INSERT INTO customers_device (tenant_id, fingerprint, kind, os, browser, first_seen_at)
SELECT DISTINCT ON (s.device_id) %(tenant)s::bigint, s.device_id, coalesce(s.device_kind, w.device_kind, ''),
       coalesce(s.os, ''), coalesce(s.browser, ''), s.attempted_at
FROM ingest_payment s
JOIN ingest_payment_found f USING (n)
LEFT JOIN customers_websession w ON w.id = f.session
WHERE f.fault IS NULL AND f.known IS NULL AND s.device_id IS NOT NULL
  AND NOT EXISTS (SELECT FROM customers_device d WHERE d.tenant_id = %(tenant)s AND d.fingerprint = s.device_id)
ORDER BY s.device_id, s.attempted_at
ON CONFLICT (tenant_id, fingerprint) DO NOTHING
"""

# Files and partitions do not come in order of time: an older event moves "first seen" back.
DEVICES_SEEN_EARLIER = """
UPDATE customers_device d SET first_seen_at = s.at
FROM (SELECT device_id, min(attempted_at) AS at FROM ingest_payment JOIN ingest_payment_found f USING (n)
      WHERE f.fault IS NULL AND f.known IS NULL AND device_id IS NOT NULL GROUP BY device_id ORDER BY device_id) s
WHERE d.tenant_id = %(tenant)s AND d.fingerprint = s.device_id AND s.at < d.first_seen_at
"""

SESSIONS = """
INSERT INTO customers_websession
    (tenant_id, external_id, customer_id, device_id, device_kind, ip_hash, country, utm_source, utm_campaign,
     started_at)
SELECT DISTINCT ON (s.session_id) %(tenant)s::bigint, s.session_id, f.customer, d.id,
       coalesce(s.device_kind, d.kind, ''), s.ip_hash, '', coalesce(s.utm_source, ''), coalesce(s.utm_campaign, ''),
       least(s.session_started_at, s.attempted_at)
FROM ingest_payment s
JOIN ingest_payment_found f USING (n)
LEFT JOIN customers_device d ON d.tenant_id = %(tenant)s AND d.fingerprint = s.device_id
WHERE f.fault IS NULL AND f.known IS NULL AND s.session_id IS NOT NULL AND f.session IS NULL
ORDER BY s.session_id, s.n
ON CONFLICT (tenant_id, external_id) DO NOTHING
"""

# An export's sessions name no device; its payments do.
SESSION_DEVICES = """
UPDATE customers_websession w SET device_id = d.id
FROM (SELECT DISTINCT ON (f.session) f.session, s.device_id FROM ingest_payment s
      JOIN ingest_payment_found f USING (n)
      WHERE f.fault IS NULL AND f.known IS NULL AND f.session IS NOT NULL AND s.device_id IS NOT NULL
      ORDER BY f.session, s.n) s
JOIN customers_device d ON d.tenant_id = %(tenant)s AND d.fingerprint = s.device_id
WHERE w.id = s.session AND w.device_id IS NULL
"""

METHODS = """
INSERT INTO payments_paymentmethod (tenant_id, customer_id, kind, bin, last_four, number_hash, issuer_country)
SELECT DISTINCT ON (f.customer, s.method, s.card_bin, s.last_four, s.number_hash) %(tenant)s::bigint, f.customer,
       s.method, coalesce(s.card_bin, ''), coalesce(s.last_four, ''), s.number_hash, coalesce(s.issuer_country, '')
FROM ingest_payment s
JOIN ingest_payment_found f USING (n)
WHERE f.fault IS NULL AND f.known IS NULL
  AND NOT EXISTS (
    SELECT FROM payments_paymentmethod m
    WHERE m.customer_id = f.customer AND m.kind = s.method AND m.bin = coalesce(s.card_bin, '')
      AND m.last_four = coalesce(s.last_four, '') AND m.number_hash IS NOT DISTINCT FROM s.number_hash)
ORDER BY f.customer, s.method, s.card_bin, s.last_four, s.number_hash, s.n
ON CONFLICT DO NOTHING
"""

REFERENCES = """
WITH first AS (
    SELECT DISTINCT ON (s.payment_id) s.payment_id, s.attempted_at, s.n
    FROM ingest_payment s JOIN ingest_payment_found f USING (n)
    WHERE f.fault IS NULL AND f.known IS NULL ORDER BY s.payment_id, s.n
), made AS (
    INSERT INTO payments_paymentreference (tenant_id, external_id, attempted_at)
    SELECT %(tenant)s::bigint, payment_id, attempted_at FROM first ORDER BY payment_id
    ON CONFLICT (tenant_id, external_id) DO NOTHING RETURNING id, external_id
)
INSERT INTO ingest_payment_made SELECT first.n, made.id FROM made JOIN first ON first.payment_id = made.external_id
"""

PAYMENTS = """
INSERT INTO payments_payment
    (id, tenant_id, attempted_at, customer_id, status_id, initial_status_id, amount, currency_id, merchant_id,
     method_id, device_id, session_id, payment_country, ip_hash, failure_code, recorded_by, recorded_at)
SELECT made.id, %(tenant)s::bigint, s.attempted_at, f.customer, s.status, s.status, s.amount, s.currency, f.merchant,
       m.id, d.id, w.id, coalesce(s.payment_country, ''), s.ip_hash, coalesce(s.failure_code, ''), %(source)s::text,
       %(now)s::timestamptz
FROM ingest_payment_made made
JOIN ingest_payment s USING (n)
JOIN ingest_payment_found f USING (n)
JOIN payments_paymentmethod m
  ON m.customer_id = f.customer AND m.kind = s.method AND m.bin = coalesce(s.card_bin, '')
 AND m.last_four = coalesce(s.last_four, '') AND m.number_hash IS NOT DISTINCT FROM s.number_hash
LEFT JOIN customers_device d ON d.tenant_id = %(tenant)s AND d.fingerprint = s.device_id
LEFT JOIN customers_websession w
  ON w.tenant_id = %(tenant)s AND w.external_id = s.session_id AND w.customer_id = f.customer
ORDER BY made.id
"""

# Two events of one batch may claim the same new number for different payments: the first one made it.
CONFLICTS = """
SELECT s.n, CASE WHEN p.customer_id <> f.customer
    THEN 'payment_id ' || s.payment_id || ' is already recorded for another customer.'
    ELSE 'payment_id ' || s.payment_id || ' is already recorded with another amount.' END
FROM ingest_payment s
JOIN ingest_payment_found f USING (n)
JOIN payments_paymentreference r ON r.tenant_id = %(tenant)s AND r.external_id = s.payment_id
JOIN payments_payment p ON p.id = r.id AND p.attempted_at = r.attempted_at
WHERE f.fault IS NULL AND f.known IS NULL
  AND (p.customer_id <> f.customer OR p.amount <> s.amount OR p.currency_id <> s.currency)
ORDER BY s.n
"""

# Events that tell another status than the payment has. What it has been told before is a repeat, not news.
RESULTS = """
SELECT s.n, s.payment_id, p.id, p.attempted_at, p.status_id, s.status, coalesce(s.failure_code, ''),
       coalesce(s.trace_id, '')
FROM ingest_payment s
JOIN ingest_payment_found f USING (n)
JOIN payments_paymentreference r ON r.tenant_id = %(tenant)s AND r.external_id = s.payment_id
JOIN payments_payment p ON p.id = r.id AND p.attempted_at = r.attempted_at
WHERE f.fault IS NULL AND p.customer_id = f.customer AND p.amount = s.amount AND p.currency_id = s.currency
  AND s.status <> 'pending' AND s.status <> p.status_id AND s.status <> p.initial_status_id
  AND NOT EXISTS (SELECT FROM payments_paymentstatechange h WHERE h.payment_id = p.id AND h.to_status_id = s.status)
ORDER BY s.n
"""

MOVE = """
INSERT INTO payments_paymentstatechange
    (tenant_id, payment_id, from_status_id, to_status_id, actor, reason, trace_id, changed_at)
SELECT %(tenant)s::bigint, one.id, 'pending', one.status, %(source)s::text, 'Result told by the payment provider.',
       one.trace, %(now)s::timestamptz
FROM unnest(%(ids)s::bigint[], %(statuses)s::text[], %(traces)s::text[]) AS one(id, status, trace)
"""

FAILURE_CODES = """
UPDATE payments_payment p SET failure_code = one.code
FROM unnest(%(ids)s::bigint[], %(times)s::timestamptz[], %(codes)s::text[]) AS one(id, at, code)
WHERE p.id = one.id AND p.attempted_at = one.at AND one.code <> ''
"""
NEW = "SELECT id FROM ingest_payment_made ORDER BY id"
