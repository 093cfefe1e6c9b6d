#!lua flags=no-writes
-- A page of reservations as recorded, in order of id.
-- Keys: a shard's (lib/book.lua). Arguments: where to begin (as ZRANGEBYLEX has it), how many.
-- Result: reservations as JSON.
-- Needs: book
local ids = redis.call('ZRANGEBYLEX', KEY.ids, ARGV[1], '+', 'LIMIT', 0, ARGV[2])
book.fetchReservations(ids)
for index, id in ipairs(ids) do ids[index] = book.recordOf(id) end
return ids
