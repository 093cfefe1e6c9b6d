#!lua flags=no-writes
-- What has changed since a moment, for who has read the books page by page while they changed: the next parts of the
-- ledger, and all that they touch, as it stands now.
-- Keys: a shard's (lib/book.lua). Arguments: seq after which, how many parts at most.
-- Result: [seq of the newest entry, purgedBefore, parts of the ledger, levels as JSON, reservations as JSON, ids of
--   reservations that are not there any more, [SKUs, active reservations, ended ones, all
--   of them], as the indexes count them].
-- Needs: levels
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
local records, gone = {}, {}
for index, sku in ipairs(skus) do skus[index] = levels.recordJson(book.level(sku)) end
for _, id in ipairs(ids) do
  local text = book.recordOf(id)
  if text then records[#records + 1] = text else gone[#gone + 1] = id end
end
local counts = {}
for index, key in ipairs({ KEY.skus, KEY.deadlines, KEY.ended }) do counts[index] = redis.call('ZCARD', key) end
counts[4] = redis.call('HLEN', KEY.reservations)
return { book.seq, book.purgedBefore, parts, skus, records, gone, counts }
