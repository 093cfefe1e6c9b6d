#!lua
-- acknowledge: the ERP has deducted the units of a confirmed reservation.
-- Keys: those of a shard, in the order of lib/book.lua and lib/messages.lua.
-- Arguments: a batch of such commands, see lib/batch.lua.
-- Command: { reservationId }. Answer: a reservation, or a rejection.
-- Result: see lib/batch.lua.
-- Needs: decide-acknowledge batch

return batch.run()
