#!lua flags=no-writes
-- Where the ledger begins.
-- Keys: those of a shard, in the order of lib/book.lua, lib/messages.lua and lib/trimming.lua. Argument: SKU, or ''.
-- Result: [seq of the last entry that was cut off, its moment, seq up to which an export is kept, the SKU's opening as
--   JSON or false].
-- Needs: trimming
local cut = trimming.cut()
return { cut.seq, cut.at, cut.exportedThrough, ARGV[1] ~= '' and redis.call('HGET', KEY.openings, ARGV[1]) }
