#!lua
-- plain-reserves: as reserve.lua, for a batch of reserves of one line each, whole or not at all.
-- Keys: those of a shard, in the order of lib/book.lua.
-- Arguments and result: see lib/plain-reserves.lua.
-- Needs: plain-reserves
-- Later: not-plain

return plain.run(later)
