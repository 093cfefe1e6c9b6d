#!lua
-- Stores a webhook once.
-- Keys: lib/webhooks.lua. Arguments: event id, when it was received (epoch ms), what is to be stored, or '' where
-- nothing is to be done about it.
-- Result: 1 if it was stored, 0 if an event of that id was stored before.
-- Needs: webhooks
local eventId, receivedAt, body = ARGV[1], ARGV[2], ARGV[3]
if redis.call('ZADD', WEBHOOKS.seen, 'NX', receivedAt, eventId) == 0 then return 0 end
local number = redis.call('HINCRBY', WEBHOOKS.meta, 'number', 1)
if body ~= '' then
  redis.call('ZADD', WEBHOOKS.order, number, eventId)
  redis.call('HSET', WEBHOOKS.bodies, eventId, body)
end
local last = tonumber(redis.call('HGET', WEBHOOKS.meta, 'lastReceivedAt') or 0)
if tonumber(receivedAt) > last then redis.call('HSET', WEBHOOKS.meta, 'lastReceivedAt', receivedAt) end
return 1
