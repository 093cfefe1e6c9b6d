#!lua flags=no-writes
-- Ledger entries of one SKU.
-- Keys: a shard's (lib/book.lua). Arguments: SKU, seq after which, how many parts at most.
-- Result: the first parts of the ledger, as XRANGE has them, that have entries of the SKU and end after that seq.
-- Needs: book
local key, after, limit = KEY.ledgerOf .. ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
-- A part that was cut off in two steps may still stand in the list of a SKU that only the first of them concerned.
after = math.max(after, tonumber(redis.call('HGET', KEY.meta, 'cut')) or 0)

-- The place of the first part that ends after `after` in the list, which rises.
local low, high = 0, redis.call('LLEN', key)
while low < high do
  local middle = math.floor((low + high) / 2)
  if tonumber(redis.call('LINDEX', key, middle)) > after then high = middle else low = middle + 1 end
end

local parts = redis.call('LRANGE', key, low, low + limit - 1)
for index, seq in ipairs(parts) do parts[index] = redis.call('XRANGE', KEY.ledger, seq, seq)[1] end
return parts
