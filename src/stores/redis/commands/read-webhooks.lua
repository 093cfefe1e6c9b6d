#!lua flags=no-writes
-- Pending webhooks.
-- Keys: lib/webhooks.lua. Arguments: only those with a higher number, how many at most.
-- Result: [number, what was stored, number, ...] in order of number.
-- Needs: webhooks
local pairsOfThem = redis.call(
  'ZRANGEBYSCORE', WEBHOOKS.order, '(' .. ARGV[1], '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[2]
)
local result = {}
for at = 1, #pairsOfThem, 2 do
  result[at] = tonumber(pairsOfThem[at + 1])
  result[at + 1] = redis.call('HGET', WEBHOOKS.bodies, pairsOfThem[at])
end
return result
