-- Remember a verdict: ARGV 1 its row, 2 the most bytes kept, 3 seconds to live.
local row, most, width = ARGV[1], tonumber(ARGV[2]), #ARGV[1]
local log = redis.call('GET', KEYS[1]) or ''
-- Two sources may contradict each other at one instant: both rows stay, and the reader takes the one that says fraud.
local from, known = 1, false
while not known do
  local found = string.find(log, row, from, true)
  if not found then break end
  known = (found - 1) % width == 0
  from = found + 1
end
if not known then log = log .. row end
if #log > most then  -- the oldest goes, not the one that came first
  local oldest, place
  for n = 1, #log, width do
    local at = struct.unpack('>I8', log, n)
    if not oldest or at < oldest then oldest, place = at, n end
  end
  log = log:sub(1, place - 1) .. log:sub(place + width)
end
local left = redis.call('TTL', KEYS[1])
redis.call('SET', KEYS[1], log, 'EX', math.max(left, tonumber(ARGV[3])))
