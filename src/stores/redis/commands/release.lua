#!lua
-- release: an active reservation gives its units back.
-- Keys: those of a shard, in the order of lib/book.lua.
-- Arguments: a batch of such commands, see lib/batch.lua.
-- Command: { reservationId }. Answer: a reservation, or a rejection.
-- Result: see lib/batch.lua.
-- Needs: decide-release batch

return batch.run()
