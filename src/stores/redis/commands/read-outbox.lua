#!lua flags=no-writes
-- A page of messages by id.
-- Keys: a shard's (lib/book.lua, lib/messages.lua). Arguments: state, or '' for all that are not delivered; id after
--   which; how many.
-- Result: messages as JSON.
-- Needs: messages
local states = ARGV[1] == '' and { 'pending', 'in_flight', 'unknown', 'dead' } or { ARGV[1] }
local ids = {}
for _, state in ipairs(states) do
  local key = KEY.messagesIn .. state
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', key, '(' .. ARGV[2], '+inf', 'LIMIT', 0, ARGV[3])) do
    ids[#ids + 1] = tonumber(id)
  end
end
table.sort(ids)
local limit = math.min(#ids, tonumber(ARGV[3]))
if limit == 0 then return {} end
return redis.call('HMGET', KEY.messages, unpack(ids, 1, limit))
