-- Remember one payment and tell what is known of its entities, in one step that no other scorer can come between.
-- KEYS: logs of customer, device, card, address; counts of the merchant; verdicts on customer, device, card, merchant.
--       An entity that the payment does not name has a key that is never written, and '' as its life.
-- ARGV: 1 what to do ('look', 'observe', or 'remember': write, and tell only how long the logs are), 2 short key of
--       the payment, 3 status, 4 cents (0 when unknown), 5 event time in seconds, 6 row of the customer's log, 7 row of
--       the other logs, 8.. seconds to live of KEYS 1-5
-- The layout is that of layout.py.
local write, id, status, cents, at = ARGV[1] ~= 'look', ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local RINGS = {{60, 120}, {3600, 48}, {86400, 60}}
local SLOT = 24
local DAY = 86400000000

-- One round for all that is known. Each call from a script costs microseconds, and a payment asks for nine keys.
local known = redis.call('MGET', unpack(KEYS))

-- What is told is what was there before: a payment does not count itself among what is known, and joining strings of
-- kilobytes only to say so took half of the script's time.
-- Returns what became of the payment: 'new', 'changed' or 'known'.
local function put(key, log, row, life)
  life = tonumber(life)
  if not log then
    if life > 0 then redis.call('SET', key, '\0\0\0\0' .. row, 'EX', life) end
    return 'new'
  end
  local fold = struct.unpack('>I4', log)
  local start, width = 5 + fold, #row
  if fold > 0 and struct.unpack('>I8', row) <= struct.unpack('>I8', log, 5) then return 'known' end
  local from = start
  while true do
    local found = string.find(log, id, from, true)
    if not found then break end
    if found >= start and (found - 8 - start) % width == 0 then
      local place = found + 16  -- the status byte of that row
      if status <= log:byte(place) then return 'known' end
      redis.call('SETRANGE', key, place - 1, string.char(status))
      return 'changed'
    end
    from = found + 1
  end
  redis.call('APPEND', key, row)
  -- Lives are months: the first payment of a day lengthens it, the others of that day need not.
  local last = #log >= start + width - 1 and struct.unpack('>I8', log, #log - width + 1) or 0
  if math.floor(last / DAY) ~= math.floor(struct.unpack('>I8', row) / DAY) and life > redis.call('TTL', key) then
    redis.call('EXPIRE', key, life)
  end
  return 'new'
end

-- A period's slot is used again by a later period; an event older than what the slot holds now comes too late.
local function count(key, ring, attempts, successes, failures, money, life)
  life = tonumber(life)
  if not ring and life <= 0 then return end
  if not ring then redis.call('SET', key, string.rep('\0', 228 * SLOT), 'EX', life) end
  local start, new_day = 0, false
  for n, size in ipairs(RINGS) do
    local number = math.floor(at / size[1])
    local place = start + (number % size[2]) * SLOT
    local held, a, s, f, m = 0, 0, 0, 0, 0
    if ring then held, a, s, f, m = struct.unpack('>I4I4I4I4i8', ring, place + 1) end
    if held < number and attempts > 0 then
      held, a, s, f, m = number, 0, 0, 0, 0
      new_day = size[1] == 86400
    end
    if held == number then
      local slot = struct.pack('>I4I4I4I4i8', number, a + attempts, s + successes, f + failures, m + money)
      redis.call('SETRANGE', key, place, slot)
    end
    start = start + size[2] * SLOT
  end
  if ring and new_day and life > redis.call('TTL', key) then redis.call('EXPIRE', key, life) end
end

local fate = 'known'
if write then
  for n = 1, 4 do
    if ARGV[7 + n] ~= '' then
      local what = put(KEYS[n], known[n], n == 1 and ARGV[6] or ARGV[7], ARGV[7 + n])
      if n == 1 then fate = what end
    end
  end
  if ARGV[12] ~= '' and fate ~= 'known' then
    local good, bad = 0, 0
    if status == 1 then good = 1 elseif status == 2 then bad = 1 end
    local new = fate == 'new'
    count(KEYS[5], known[5], new and 1 or 0, good, bad, new and cents or 0, ARGV[12])
  end
end
if ARGV[1] == 'remember' then
  local sizes = {}
  for n = 1, 4 do sizes[n] = known[n] and #known[n] or 0 end
  return sizes
end
return known
