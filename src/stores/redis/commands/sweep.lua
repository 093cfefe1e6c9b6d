#!lua
-- sweep: records the expiry of at most `limit` lapsed reservations.
-- Keys: those of a shard, in the order of lib/book.lua.
-- Arguments: a batch of such commands, see lib/batch.lua.
-- Command: { limit }. Answer: { ok, type, expired: [reservation], more }.
-- Result: see lib/batch.lua.
-- Needs: decide-sweep batch

return batch.run()
