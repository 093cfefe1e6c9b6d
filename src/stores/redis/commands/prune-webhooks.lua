#!lua
-- Forgets settled webhooks, oldest first.
-- Keys: lib/webhooks.lua. Arguments: those received before this (epoch ms), how many at most.
-- Result: how many were forgotten.
-- Needs: webhooks
local before, limit = '(' .. ARGV[1], tonumber(ARGV[2])
local forgotten, skipped = 0, 0
while forgotten < limit do
  local found = redis.call('ZRANGEBYSCORE', WEBHOOKS.seen, '-inf', before, 'LIMIT', skipped, limit - forgotten)
  if #found == 0 then break end
  for _, eventId in ipairs(found) do
    if redis.call('HEXISTS', WEBHOOKS.bodies, eventId) == 1 then
      skipped = skipped + 1
    else
      redis.call('ZREM', WEBHOOKS.seen, eventId)
      forgotten = forgotten + 1
    end
  end
end
return forgotten
