#!lua
-- Moves the common cut of all shards' ledgers on; the shards cut their entries off after it.
-- Keys, in the slot of the first shard: as number-entries.lua has them. In `numbered` also: cut (common number of the last
--   entry that was cut off), cutAt (its moment), exported (number up to which an export is kept), and for each shard
--   `cut:<shard>`, the seq there of its last entry up to the cut.
-- Arguments: the cut that this one follows, exported, the new cut, its moment, then for each shard its seq there.
-- Result: 1; 0 where another has moved the cut meanwhile.
local state = redis.call('HMGET', KEYS[1], 'cut', 'exported')
local expected, exported, cut = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
if (tonumber(state[1]) or 0) ~= expected then return 0 end
if exported > (tonumber(state[2]) or 0) then redis.call('HSET', KEYS[1], 'exported', ARGV[2]) end
if cut == expected then return 1 end
redis.call('HSET', KEYS[1], 'cut', ARGV[3], 'cutAt', ARGV[4])
redis.call('XTRIM', KEYS[2], 'MINID', string.format('%d', cut + 1))
for index = 5, #ARGV do
  redis.call('HSET', KEYS[1], 'cut:' .. (index - 5), ARGV[index])
  redis.call('XTRIM', KEYS[index - 2], 'MINID', string.format('%d', ARGV[index] + 1))
end
return 1
