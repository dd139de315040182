-- Put a folded log (ARGV 2) in the place of the log it was made from (ARGV 1), keeping what came after it was read.
-- A row that changed meanwhile makes the two differ: then nothing happens, and the next reader folds.
local log = redis.call('GET', KEYS[1])
if log and log:sub(1, #ARGV[1]) == ARGV[1] then
  redis.call('SET', KEYS[1], ARGV[2] .. log:sub(#ARGV[1] + 1), 'KEEPTTL')
  return 1
end
return 0
