-- What visitors did, each event once.
-- KEYS: a visit each.  ARGV: 1 events kept of a visit, 2 seconds to live, 3.. the events of KEYS 1.., 21 bytes each:
-- when, in milliseconds (8), short key of the event (8), what it was (1), short key of the product (4).
local most, life = tonumber(ARGV[1]), ARGV[2]
for n = 1, #KEYS do
  local key, rows, added = KEYS[n], ARGV[n + 2], {}
  for from = 1, #rows, 21 do
    added[#added + 1] = struct.unpack('>I8', rows, from)
    added[#added + 1] = string.sub(rows, from, from + 20)
  end
  redis.call('ZADD', key, unpack(added))
  -- The newest stay, by time and then by their bytes: whatever came in first, the same ones.
  redis.call('ZREMRANGEBYRANK', key, 0, -most - 1)
  redis.call('EXPIRE', key, life)
end
