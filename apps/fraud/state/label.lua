-- Remember a verdict: ARGV 1 its row, 2 the most bytes kept, 3 seconds to live.
local row, most, width = ARGV[1], tonumber(ARGV[2]), #ARGV[1]
local log = redis.call('GET', KEYS[1]) or ''
local from = 1
while true do
  local found = string.find(log, row:sub(1, 16), from, true)
  if not found then break end
  if (found - 1) % width == 0 then
    log = log:sub(1, found - 1) .. log:sub(found + width)
    break
  end
  from = found + 1
end
log = log .. row
if #log > most then log = log:sub(#log - most + 1) end
local left = redis.call('TTL', KEYS[1])
redis.call('SET', KEYS[1], log, 'EX', math.max(left, tonumber(ARGV[3])))
