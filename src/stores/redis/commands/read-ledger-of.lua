#!lua flags=no-writes
-- Ledger entries of one SKU.
-- Keys: a shard's (lib/book.lua). Arguments: SKU, seq after which, how many entries at most.
-- Result: parts of the ledger, as XRANGE has them, that hold the first of these entries, and perhaps others.
-- Needs: book
local key, after, limit = KEY.ledgerOf .. ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])

-- The place of the first seq after `after` in the list, which rises.
local low, high = 0, redis.call('LLEN', key)
while low < high do
  local middle = math.floor((low + high) / 2)
  if tonumber(redis.call('LINDEX', key, middle)) > after then high = middle else low = middle + 1 end
end

local parts, reached = {}, 0
for _, seq in ipairs(redis.call('LRANGE', key, low, low + limit - 1)) do
  if tonumber(seq) > reached then
    local part = redis.call('XRANGE', KEY.ledger, seq, '+', 'COUNT', 1)[1]
    -- A part is named by the last of its entries.
    reached = tonumber(string.match(part[1], '^%d+'))
    parts[#parts + 1] = part
  end
end
return parts
