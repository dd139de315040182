-- Remember one payment and tell what is known of its entities, in one step that no other scorer can come between.
-- KEYS: logs of customer, device, card, address; counts of the merchant; verdicts on customer, device, card, merchant.
--       An entity that the payment does not name has the key ''.
-- ARGV: 1 what to do ('look', 'observe', or 'remember': write, and tell only how long the logs are), 2 short key of the payment, 3 status, 4 cents (0 when unknown), 5 event time in
--       seconds, 6 row of the customer's log, 7 row of the other logs, 8 empty counts, 9.. seconds to live of KEYS 1-5
-- The layout is that of layout.py.
local write, id, status, cents, at = ARGV[1] ~= 'look', ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local RINGS = {{60, 120}, {3600, 48}, {86400, 60}}
local SLOT = 24

-- Returns the log, and what became of the payment: 'new', 'changed' or 'known'.
local function put(key, row, life)
  local log = redis.call('GET', key)
  if not log then
    log = '\0\0\0\0' .. row
    if tonumber(life) > 0 then redis.call('SET', key, log, 'EX', life) end
    return log, 'new'
  end
  local fold = struct.unpack('>I4', log)
  local start, width = 5 + fold, #row
  if fold > 0 and struct.unpack('>I8', row) <= struct.unpack('>I8', log, 5) then return log, 'known' end
  local from = start
  while true do
    local found = string.find(log, id, from, true)
    if not found then break end
    if found >= start and (found - 8 - start) % width == 0 then
      local place = found + 16  -- the status byte of that row
      if status <= log:byte(place) then return log, 'known' end
      redis.call('SETRANGE', key, place - 1, string.char(status))
      return log:sub(1, place - 1) .. string.char(status) .. log:sub(place + 1), 'changed'
    end
    from = found + 1
  end
  redis.call('APPEND', key, row)
  if tonumber(life) > redis.call('TTL', key) then redis.call('EXPIRE', key, life) end
  return log .. row, 'new'
end

-- A period's slot is used again by a later period; an event older than what the slot holds now comes too late.
local function count(key, attempts, successes, failures, money, life)
  local ring = redis.call('GET', key) or ARGV[8]
  local start, parts = 0, {}
  for n, size in ipairs(RINGS) do
    local number = math.floor(at / size[1])
    local place = start + (number % size[2]) * SLOT
    local held, a, s, f, m = struct.unpack('>I4I4I4I4i8', ring, place + 1)
    if held < number and attempts > 0 then held, a, s, f, m = number, 0, 0, 0, 0 end
    if held == number then
      local slot = struct.pack('>I4I4I4I4i8', number, a + attempts, s + successes, f + failures, m + money)
      ring = ring:sub(1, place) .. slot .. ring:sub(place + SLOT + 1)
    end
    start = start + size[2] * SLOT
  end
  life = math.max(tonumber(life), redis.call('TTL', key))  -- a late event does not shorten the life of newer counts
  if life > 0 then redis.call('SET', key, ring, 'EX', life) end
  return ring
end

local told, fate = {}, 'known'
for n = 1, 4 do
  if KEYS[n] == '' then
    told[n] = false
  elseif write then
    local row = ARGV[7]
    if n == 1 then row = ARGV[6] end
    local log, what = put(KEYS[n], row, ARGV[8 + n])
    told[n] = log
    if n == 1 then fate = what end
  else
    told[n] = redis.call('GET', KEYS[n])
  end
end
if KEYS[5] == '' then
  told[5] = false
elseif write and fate ~= 'known' then
  local good, bad = 0, 0
  if status == 1 then good = 1 elseif status == 2 then bad = 1 end
  if fate == 'new' then
    told[5] = count(KEYS[5], 1, good, bad, cents, ARGV[13])
  else
    told[5] = count(KEYS[5], 0, good, bad, 0, ARGV[13])
  end
else
  told[5] = redis.call('GET', KEYS[5])
end
if ARGV[1] == 'remember' then
  for n = 1, 4 do told[n] = told[n] and #told[n] or 0 end
  return {told[1], told[2], told[3], told[4]}
end
for n = 6, 9 do
  if KEYS[n] == '' then told[n] = false else told[n] = redis.call('GET', KEYS[n]) end
end
return told
