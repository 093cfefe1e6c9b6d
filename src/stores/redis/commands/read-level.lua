#!lua flags=no-writes
-- One SKU at this moment, lapsed units counted as available.
-- Keys: a shard's (lib/book.lua). Arguments: now (see book.open), SKU.
-- Result: the level as JSON; false if unknown.
-- Needs: levels
book.open(ARGV[1])
local level = book.level(ARGV[2])
return level ~= nil and levels.viewJson(level)
