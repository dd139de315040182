"""The SQL that turns staged payments into rows. The only way by which a payment comes to exist from outside.

Order matters: who and what is known → devices, sessions, methods that are not → the reference, which is unique per
tenant and external id and so makes repeats harmless → the payment itself.

Look-ups are LATERAL with LIMIT 1, or scalar subqueries: one descent of a unique index per row, whatever the planner
believes of tables that were empty a minute ago. As plain joins, one of these statements took 440 µs a row.
"""

from __future__ import annotations

STAGE = "ingest_payment"
STAGE_COLUMNS = """
    n integer PRIMARY KEY,
    payment_id text, customer_id text, attempted_at timestamptz, status text, amount numeric(14, 3),
    currency text, method text, card_bin text, last_four text, number_hash bytea, issuer_country text,
    payment_country text, ip_hash bytea, device_id text, device_kind text, os text, browser text, merchant_id text,
    failure_code text, session_id text, session_started_at timestamptz, utm_source text, utm_campaign text,
    ip_country text, billing_country text, cart_at timestamptz, basket_size integer, adult_restricted boolean,
    trace_id text
"""
FOUND = "ingest_payment_found"
FOUND_COLUMNS = """
    n integer PRIMARY KEY, customer bigint, known bigint, fault text
"""
# What may be recorded and is not yet: no conditions are left whose effect the planner would have to guess.
FRESH = "ingest_payment_fresh"
FRESH_COLUMNS = "n integer PRIMARY KEY, customer bigint, merchant bigint, session bigint, device bigint, method bigint"
MADE = "ingest_payment_made"
MADE_COLUMNS = "n integer PRIMARY KEY, id bigint"
STAGES = {STAGE: STAGE_COLUMNS, FOUND: FOUND_COLUMNS, FRESH: FRESH_COLUMNS, MADE: MADE_COLUMNS}

# One statement looks everything up, notes it, and says what the batch needs done: most batches tell of nothing but
# known customers on known devices. The partitioned table stays out of it: only opening its partitions takes a
# millisecond, and few rows are known.
FIND = """
WITH looked AS MATERIALIZED (
SELECT s.n, c.id AS customer, m.id AS merchant, w.id AS session, d.id AS device, k.id AS method, r.id AS known, CASE
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
    WHEN s.cart_at > s.attempted_at
        THEN 'cart_at lies after the payment. Correct it in payment_details, or leave it empty.'
    END AS fault,
    s.device_id IS NOT NULL AND d.id IS NULL AS new_device, d.first_seen_at > s.attempted_at AS device_seen_earlier,
    s.session_id IS NOT NULL AND w.id IS NULL AS new_session, w.id IS NOT NULL AND s.device_id IS NOT NULL AS of_session
FROM ingest_payment s
LEFT JOIN LATERAL (SELECT id FROM customers_customer
    WHERE tenant_id = %(tenant)s AND external_id = s.customer_id LIMIT 1) c ON true
LEFT JOIN LATERAL (SELECT id FROM payments_merchant
    WHERE tenant_id = %(tenant)s AND external_id = s.merchant_id LIMIT 1) m ON true
LEFT JOIN LATERAL (SELECT id, customer_id FROM customers_websession
    WHERE tenant_id = %(tenant)s AND external_id = s.session_id LIMIT 1) w ON true
LEFT JOIN LATERAL (SELECT id, first_seen_at FROM customers_device
    WHERE tenant_id = %(tenant)s AND fingerprint = s.device_id LIMIT 1) d ON true
LEFT JOIN LATERAL (SELECT id FROM payments_paymentmethod
    WHERE customer_id = c.id AND kind = s.method AND bin = coalesce(s.card_bin, '')
      AND last_four = coalesce(s.last_four, '') AND number_hash IS NOT DISTINCT FROM s.number_hash LIMIT 1) k ON true
LEFT JOIN payments_currency u ON u.code = s.currency
LEFT JOIN LATERAL (SELECT id FROM payments_paymentreference
    WHERE tenant_id = %(tenant)s AND external_id = s.payment_id LIMIT 1) r ON true
), found AS (
    INSERT INTO ingest_payment_found SELECT n, customer, known, fault FROM looked
), fresh AS (
    INSERT INTO ingest_payment_fresh SELECT n, customer, merchant, session, device, method FROM looked
    WHERE fault IS NULL AND known IS NULL
)
SELECT count(*) FILTER (WHERE fault IS NULL AND known IS NULL), count(known) > 0, count(fault) > 0, bool_or(new_device),
       bool_or(device_seen_earlier), bool_or(new_session), bool_or(of_session), bool_or(method IS NULL)
FROM looked
"""

FIND_KNOWN = """
UPDATE ingest_payment_found f SET fault = CASE WHEN p.customer_id <> f.customer
    THEN 'payment_id ' || s.payment_id || ' is already recorded for another customer.'
    ELSE 'payment_id ' || s.payment_id || ' is already recorded with another amount.' END
FROM ingest_payment s, payments_paymentreference r
JOIN LATERAL (SELECT customer_id, amount, currency_id FROM payments_payment
    WHERE id = r.id AND attempted_at = r.attempted_at LIMIT 1) p ON true
WHERE s.n = f.n AND r.id = f.known AND f.fault IS NULL
  AND (p.customer_id <> f.customer OR p.amount <> s.amount OR p.currency_id <> s.currency)
"""

# Fresh rows, of which there are most, stay out.
NOT_FRESH = "SELECT n, known, fault FROM ingest_payment_found WHERE fault IS NOT NULL OR known IS NOT NULL ORDER BY n"

# Sorted, so that two batches that meet the same device wait for each other instead of deadlocking.
DEVICES = """
INSERT INTO customers_device (tenant_id, fingerprint, kind, os, browser, first_seen_at)
SELECT DISTINCT ON (s.device_id) %(tenant)s::bigint, s.device_id,
       coalesce(s.device_kind, (SELECT device_kind FROM customers_websession WHERE id = f.session), ''),
       coalesce(s.os, ''), coalesce(s.browser, ''), s.attempted_at
FROM ingest_payment_fresh f
JOIN ingest_payment s USING (n)
WHERE s.device_id IS NOT NULL
  AND (SELECT id FROM customers_device WHERE tenant_id = %(tenant)s AND fingerprint = s.device_id) IS NULL
ORDER BY s.device_id, s.attempted_at
ON CONFLICT (tenant_id, fingerprint) DO NOTHING
"""

# Files and partitions do not come in order of time: an older event moves "first seen" back.
DEVICES_SEEN_EARLIER = """
UPDATE customers_device d SET first_seen_at = one.at
FROM (
    SELECT s.at, (SELECT id FROM customers_device
                  WHERE tenant_id = %(tenant)s AND fingerprint = s.device_id AND first_seen_at > s.at) AS id
    FROM (SELECT device_id, min(attempted_at) AS at FROM ingest_payment_fresh JOIN ingest_payment USING (n)
          WHERE device_id IS NOT NULL GROUP BY device_id) s
    ORDER BY id) one
WHERE d.id = one.id
"""

SESSIONS = """
INSERT INTO customers_websession
    (tenant_id, external_id, customer_id, device_id, device_kind, ip_hash, country, utm_source, utm_campaign,
     started_at)
SELECT DISTINCT ON (s.session_id) %(tenant)s::bigint, s.session_id, f.customer, d.id,
       coalesce(s.device_kind, d.kind, ''), s.ip_hash, '', coalesce(s.utm_source, ''), coalesce(s.utm_campaign, ''),
       least(s.session_started_at, s.attempted_at)
FROM ingest_payment_fresh f
JOIN ingest_payment s USING (n)
LEFT JOIN LATERAL (SELECT id, kind FROM customers_device
    WHERE tenant_id = %(tenant)s AND fingerprint = s.device_id LIMIT 1) d ON true
WHERE s.session_id IS NOT NULL AND f.session IS NULL
ORDER BY s.session_id, s.n
ON CONFLICT (tenant_id, external_id) DO NOTHING
"""

# An export's sessions name no device; its payments do.
SESSION_DEVICES = """
UPDATE customers_websession w SET device_id = one.device
FROM (
    SELECT DISTINCT ON (f.session) f.session,
           (SELECT id FROM customers_device WHERE tenant_id = %(tenant)s AND fingerprint = s.device_id) AS device
    FROM ingest_payment_fresh f
    JOIN ingest_payment s USING (n)
    WHERE f.session IS NOT NULL AND s.device_id IS NOT NULL
    ORDER BY f.session, s.n) one
WHERE w.id = one.session AND w.device_id IS NULL
"""

# The unique index stands behind ON CONFLICT; the look before it spares a number of the sequence per repeat.
METHODS = """
INSERT INTO payments_paymentmethod (tenant_id, customer_id, kind, bin, last_four, number_hash, issuer_country)
SELECT DISTINCT ON (f.customer, s.method, s.card_bin, s.last_four, s.number_hash) %(tenant)s::bigint, f.customer,
       s.method, coalesce(s.card_bin, ''), coalesce(s.last_four, ''), s.number_hash, coalesce(s.issuer_country, '')
FROM ingest_payment_fresh f
JOIN ingest_payment s USING (n)
WHERE (
    SELECT m.id FROM payments_paymentmethod m
    WHERE m.customer_id = f.customer AND m.kind = s.method AND m.bin = coalesce(s.card_bin, '')
      AND m.last_four = coalesce(s.last_four, '') AND m.number_hash IS NOT DISTINCT FROM s.number_hash) IS NULL
ORDER BY f.customer, s.method, s.card_bin, s.last_four, s.number_hash, s.n
ON CONFLICT DO NOTHING
"""

# The reference and its payment in one statement; the foreign key is checked at its end.
_MAKE = """
WITH first AS (
    SELECT DISTINCT ON (s.payment_id) s.payment_id, s.attempted_at, s.n
    FROM ingest_payment_fresh f JOIN ingest_payment s USING (n) ORDER BY s.payment_id, s.n
), numbered AS (
    INSERT INTO payments_paymentreference (tenant_id, external_id, attempted_at)
    SELECT %(tenant)s::bigint, payment_id, attempted_at FROM first ORDER BY payment_id
    ON CONFLICT (tenant_id, external_id) DO NOTHING RETURNING id, external_id
), made AS (
    INSERT INTO ingest_payment_made
    SELECT first.n, numbered.id FROM numbered JOIN first ON first.payment_id = numbered.external_id RETURNING n, id
), paid AS (
INSERT INTO payments_payment
    (id, tenant_id, attempted_at, customer_id, status_id, initial_status_id, amount, currency_id, merchant_id,
     method_id, device_id, session_id, payment_country, ip_hash, failure_code,
     ip_country, billing_country, cart_at, basket_size, adult_restricted, recorded_by, recorded_at)
SELECT made.id, %(tenant)s::bigint, s.attempted_at, f.customer, s.status, s.status, s.amount, s.currency, f.merchant,
       coalesce(f.method, (SELECT m.id FROM payments_paymentmethod m
        WHERE m.customer_id = f.customer AND m.kind = s.method AND m.bin = coalesce(s.card_bin, '')
          AND m.last_four = coalesce(s.last_four, '') AND m.number_hash IS NOT DISTINCT FROM s.number_hash)),
       coalesce(f.device, (SELECT id FROM customers_device WHERE tenant_id = %(tenant)s
                           AND fingerprint = s.device_id)),
       coalesce(f.session, (SELECT id FROM customers_websession WHERE tenant_id = %(tenant)s
                            AND external_id = s.session_id AND customer_id = f.customer)),
       coalesce(s.payment_country, ''), s.ip_hash, coalesce(s.failure_code, ''),
       coalesce(s.ip_country, ''), coalesce(s.billing_country, ''), s.cart_at, s.basket_size, s.adult_restricted,
       %(source)s::text, %(now)s::timestamptz
FROM made
JOIN ingest_payment s USING (n)
JOIN ingest_payment_fresh f USING (n)
ORDER BY made.id
RETURNING id, customer_id, merchant_id, method_id, device_id, session_id)
"""
PAYMENTS = _MAKE + "SELECT n, id FROM made ORDER BY n"  # noqa: S608  constants only

# The same, telling what is on record of each payment's customer, merchant, visit, device and method: who decides on
# the payments needs it, and so need not open the partitioned table once more.
PAYMENTS_IN_CONTEXT = f"""{_MAKE}
SELECT made.n, made.id, encode(s.number_hash, 'hex'), encode(s.ip_hash, 'hex'),
       c.country, (extract(epoch FROM c.registered_at) * 1000000)::bigint, c.segment, h.country, h.mcc,
       coalesce(nullif(d.kind, ''), w.device_kind), d.os, d.browser, w.utm_source, w.utm_campaign, k.issuer_country
FROM paid
JOIN made ON made.id = paid.id
JOIN ingest_payment s USING (n)
LEFT JOIN customers_customer c ON c.id = paid.customer_id
LEFT JOIN payments_merchant h ON h.id = paid.merchant_id
LEFT JOIN customers_device d ON d.id = paid.device_id
LEFT JOIN customers_websession w ON w.id = paid.session_id
LEFT JOIN payments_paymentmethod k ON k.id = paid.method_id
ORDER BY made.n
"""  # noqa: S608  constants only

# Two events of one batch may tell of the same new payment, or claim its number for another: the first one made it.
DOUBLES = """
SELECT s.n, r.id, CASE
    WHEN p.customer_id <> f.customer
        THEN 'payment_id ' || s.payment_id || ' is already recorded for another customer.'
    WHEN p.amount <> s.amount OR p.currency_id <> s.currency
        THEN 'payment_id ' || s.payment_id || ' is already recorded with another amount.'
    END
FROM ingest_payment_fresh f
JOIN ingest_payment s USING (n)
JOIN LATERAL (SELECT id, attempted_at FROM payments_paymentreference
    WHERE tenant_id = %(tenant)s AND external_id = s.payment_id LIMIT 1) r ON true
JOIN LATERAL (SELECT * FROM payments_payment WHERE id = r.id AND attempted_at = r.attempted_at LIMIT 1) p ON true
WHERE NOT EXISTS (SELECT FROM ingest_payment_made made WHERE made.n = s.n)
ORDER BY s.n
"""

# Events that tell another status than the payment has. What it has been told before is a repeat, not news.
RESULTS = """
SELECT s.n, s.payment_id, p.id, p.attempted_at, p.status_id, s.status, coalesce(s.failure_code, ''),
       coalesce(s.trace_id, '')
FROM ingest_payment s
JOIN ingest_payment_found f USING (n)
JOIN LATERAL (SELECT id, attempted_at FROM payments_paymentreference
    WHERE tenant_id = %(tenant)s AND external_id = s.payment_id LIMIT 1) r ON true
JOIN LATERAL (SELECT * FROM payments_payment WHERE id = r.id AND attempted_at = r.attempted_at LIMIT 1) p ON true
WHERE f.fault IS NULL AND p.customer_id = f.customer AND p.amount = s.amount AND p.currency_id = s.currency
  AND s.status <> 'pending' AND s.status <> p.status_id AND s.status <> p.initial_status_id
  AND NOT EXISTS (SELECT FROM payments_paymentstatechange h WHERE h.payment_id = p.id AND h.to_status_id = s.status)
ORDER BY s.n
"""

# Sorted, so that two batches that tell results of the same payments wait for each other instead of deadlocking.
LOCK_MOVED = """
SELECT p.id FROM unnest(%(ids)s::bigint[], %(times)s::timestamptz[]) AS one(id, at)
JOIN payments_payment p ON p.id = one.id AND p.attempted_at = one.at
ORDER BY p.id FOR NO KEY UPDATE OF p
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
