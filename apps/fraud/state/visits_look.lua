-- What is known of visits up to a moment each.  KEYS: the visits.  ARGV: the moments, in milliseconds.
-- Tells of each: first event (8 bytes), events (2), different products seen (2), furthest step (1), changes of the cart
-- (2); '' where nothing is known. A row is as in visits_note.lua; scores are not asked for, as writing them as text
-- took longer than all the rest.
local PRODUCT = 2
local told = {}
for n = 1, #KEYS do
  local rows = redis.call('ZRANGEBYSCORE', KEYS[n], '-inf', ARGV[n])
  local step, changes, products, seen = 0, 0, 0, {}
  for at = 1, #rows do
    local what = rows[at]:byte(17)
    if what >= 16 then
      changes = changes + 1
      what = what - 16
    elseif what == PRODUCT then
      local product = string.sub(rows[at], 18)
      if product ~= '\0\0\0\0' and not seen[product] then
        seen[product] = true
        products = products + 1
      end
    end
    if what > step then step = what end
  end
  told[n] = #rows == 0 and '' or string.sub(rows[1], 1, 8) .. struct.pack('>I2I2I1I2', #rows, products, step, changes)
end
return told
