#!lua
-- Nothing is left to do for these webhooks.
-- Keys: lib/webhooks.lua. Arguments: their numbers.
-- Result: how many of them were pending.
-- Needs: webhooks
local settled = 0
for _, number in ipairs(ARGV) do
  local eventId = redis.call('ZRANGEBYSCORE', WEBHOOKS.order, number, number)[1]
  if eventId ~= nil then
    redis.call('ZREM', WEBHOOKS.order, eventId)
    redis.call('HDEL', WEBHOOKS.bodies, eventId)
    settled = settled + 1
  end
end
return settled
