#!lua flags=no-writes
-- What has changed since a moment, for who has read the books page by page while they changed: the next parts of the
-- ledger, and all that they touch, as it stands now.
-- Keys: a shard's (lib/book.lua, lib/messages.lua; of one among several those of lib/carts.lua too).
-- Arguments: seq after which, how many parts at most, outbox revision after which, how many of them at most,
--   `carts` for a shard among several.
-- Result: [seq of the newest entry, purgedBefore, parts of the ledger, levels as JSON, reservations (see book.told), ids of
--   reservations that are not there any more, [SKUs, active reservations, ended ones, all of them], as they are counted, the outbox: [its revision, that up to which this tells, or false where the
--   log does not reach back, messages as JSON, ids of those that are not there any more, [SKU, its figures, ...],
--   [pending, in flight, unknown, dead, delivered, keys with a pending message], as the indexes count them,
--   [id of a cart, its shares here as JSON or false, ...]]].
-- Needs: levels messages
book.open(0)
local parts = redis.call('XRANGE', KEY.ledger, ARGV[1] + 1, '+', 'COUNT', ARGV[2])
local skus, ids, seenSkus, seenIds = {}, {}, {}, {}
for _, part in ipairs(parts) do
  local fields = part[2]
  for _, entry in ipairs(cjson.decode(fields[6])) do
    local sku, id = entry[2], values.optional(entry[3])
    if not seenSkus[sku] then
      seenSkus[sku] = true
      skus[#skus + 1] = sku
    end
    if id ~= nil and not seenIds[id] then
      seenIds[id] = true
      ids[#ids + 1] = id
    end
  end
end
book.fetchLevels(skus)
book.fetchReservations(ids)
local told, gone = {}, {}
for index, sku in ipairs(skus) do skus[index] = levels.recordJson(book.level(sku)) end
for _, id in ipairs(ids) do
  if book.recordOf(id) then told[#told + 1] = book.told(id) else gone[#gone + 1] = id end
end
local counts = {}
local counts = {
  redis.call('ZCARD', KEY.skus), book.active, redis.call('ZCARD', KEY.ended), redis.call('HLEN', KEY.reservations),
}
-- Active parts of carts have their deadlines in the last of the keys.
if ARGV[5] == 'carts' then counts[2] = counts[2] + redis.call('ZCARD', KEYS[#KEYS]) end

local function outboxChanges()
  local newest, reached = tonumber(redis.call('HGET', KEY.meta, 'outboxRevision') or 0), tonumber(ARGV[3])
  local changedIds, changedSkus, changedCarts = {}, {}, {}
  for _, entry in ipairs(redis.call('XRANGE', KEY.outboxLog, reached + 1, '+', 'COUNT', ARGV[4])) do
    local revision, fields = tonumber(string.match(entry[1], '^%d+')), entry[2]
    if revision ~= reached + 1 then return { newest, false } end
    reached = revision
    for id in string.gmatch(fields[2], '%d+') do changedIds[id] = true end
    for _, sku in ipairs(cjson.decode(fields[4])) do changedSkus[sku] = true end
    -- Older versions wrote nothing of shares.
    for _, id in ipairs(cjson.decode(fields[6] or '[]')) do changedCarts[id] = true end
  end
  local found, missing, figures, counted, shared = {}, {}, {}, {}, {}
  for id in pairs(changedIds) do
    local text = redis.call('HGET', KEY.messages, id)
    if text then found[#found + 1] = text else missing[#missing + 1] = id end
  end
  for sku in pairs(changedSkus) do
    figures[#figures + 1] = sku
    figures[#figures + 1] = redis.call('HGET', KEY.outboxLevels, sku)
  end
  for id in pairs(changedCarts) do
    shared[#shared + 1] = id
    shared[#shared + 1] = redis.call('HGET', KEYS[#KEYS - 6], id)
  end
  for index, state in ipairs({ 'pending', 'in_flight', 'unknown', 'dead', 'delivered' }) do
    counted[index] = redis.call('ZCARD', KEY.messagesIn .. state)
  end
  counted[6] = redis.call('ZCARD', KEY.dueHeads) + redis.call('ZCARD', KEY.laterHeads)
  return { newest, reached, found, missing, figures, counted, shared }
end

return { book.seq, book.purgedBefore, parts, skus, told, gone, counts, outboxChanges() }
