-- What is known of visits up to a moment each.  KEYS: the visits.  ARGV: the moments, in milliseconds.
-- Tells of each: first event (8 bytes), events (2), different products seen (2), furthest step (1), changes of the cart
-- (2); '' where nothing is known.
local told = {}
for n = 1, #KEYS do
  local rows = redis.call('ZRANGEBYSCORE', KEYS[n], '-inf', ARGV[n], 'WITHSCORES')
  local step, changes, products, seen = 0, 0, 0, {}
  for at = 1, #rows, 2 do
    local row = rows[at]
    local what, product = row:byte(9), string.sub(row, 10)
    if what >= 16 then
      changes = changes + 1
      what = what - 16
    end
    if what > step then step = what end
    if product ~= '\0\0\0\0' and not seen[product] then
      seen[product] = true
      products = products + 1
    end
  end
  told[n] = #rows == 0 and '' or struct.pack('>I8I2I2I1I2', tonumber(rows[2]), #rows / 2, products, step, changes)
end
return told
