#!lua flags=no-writes
-- How much waits to be told.
-- Keys: a shard's (lib/book.lua, lib/messages.lua). No arguments.
-- Result: [pending, in flight, unknown, dead, keys with a pending message, when the oldest message that is not delivered
--   came to be (epoch ms) or false, the latest number].
-- Needs: messages
local result, oldest = {}, nil
for index, state in ipairs({ 'pending', 'in_flight', 'unknown', 'dead' }) do
  local key = KEY.messagesIn .. state
  result[index] = redis.call('ZCARD', key)
  local first = tonumber(redis.call('ZRANGE', key, 0, 0)[1])
  if first ~= nil and (oldest == nil or first < oldest) then oldest = first end
end
result[5] = redis.call('ZCARD', KEY.dueHeads) + redis.call('ZCARD', KEY.laterHeads)
-- Ids rise with time, on a clock that never runs back.
result[6] = oldest ~= nil and messages.find(oldest).createdAt
result[7] = messages.head()
return result
