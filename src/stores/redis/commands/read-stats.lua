#!lua flags=no-writes
-- How much there is.
-- Keys: a shard's (lib/book.lua). Argument: now (see book.open).
-- Result: [epoch ms, SKUs, active reservations, seq of the newest entry, oldest lapsed deadline or false].
-- Needs: due
book.open(ARGV[1])
local due = cohorts.due(1)[1]
return {
  book.now, redis.call('ZCARD', KEY.skus), book.active, book.seq,
  due ~= nil and due.expiresAt,
}
