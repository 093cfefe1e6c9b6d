#!lua flags=no-writes
-- A page of levels in code point order.
-- Keys: a shard's (lib/book.lua).
-- Arguments: now (see book.open), where to begin (as ZRANGEBYLEX has it), prefix of the SKUs, how many, `view` to count
--   lapsed units as available, `record` for the levels as recorded.
-- Result: levels as JSON.
-- Needs: levels
book.open(ARGV[1])
-- No byte of a text is 255, so this is after all that begin with the prefix.
local last = '(' .. ARGV[3] .. '\255'
local skus = redis.call('ZRANGEBYLEX', KEY.skus, ARGV[2], last, 'LIMIT', 0, ARGV[4])
local json = ARGV[5] == 'view' and levels.viewJson or levels.recordJson
book.fetchLevels(skus)
for index, sku in ipairs(skus) do skus[index] = json(book.level(sku)) end
return skus
