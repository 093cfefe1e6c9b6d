#!lua flags=no-writes
-- How much waits in the webhook inbox.
-- Keys: lib/webhooks.lua.
-- Result: [how many are pending, what was stored of the first of them or false, lastReceivedAt or false].
-- Needs: webhooks
local first = redis.call('ZRANGE', WEBHOOKS.order, 0, 0)[1]
return {
  redis.call('ZCARD', WEBHOOKS.order),
  first ~= nil and redis.call('HGET', WEBHOOKS.bodies, first),
  redis.call('HGET', WEBHOOKS.meta, 'lastReceivedAt'),
}
