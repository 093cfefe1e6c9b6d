#!lua
-- Gives the entries of all shards' ledgers their common numbers, in the order in which they are noticed.
-- Keys, in the slot of the first shard: numbered (hash: shard -> seq of its last numbered entry; total), ranges (stream:
--   id = common number of the last of n entries of a shard s, whose seq there is `to`), then for each shard its ranges
--   (stream: id = seq of the last of them there, g = its common number).
-- Arguments: for each shard the seq that its ledger has come to.
-- Result: common number of the newest entry.
local total = tonumber(redis.call('HGET', KEYS[1], 'total')) or 0
local before = total
for index, head in ipairs(ARGV) do
  local shard = index - 1
  local numbered = tonumber(redis.call('HGET', KEYS[1], shard)) or 0
  local fresh = tonumber(head) - numbered
  if fresh > 0 then
    total = total + fresh
    redis.call('XADD', KEYS[2], total .. '-0', 's', shard, 'to', head, 'n', fresh)
    redis.call('XADD', KEYS[index + 2], head .. '-0', 'g', total)
    redis.call('HSET', KEYS[1], shard, head)
  end
end
if total > before then redis.call('HSET', KEYS[1], 'total', total) end
return total
