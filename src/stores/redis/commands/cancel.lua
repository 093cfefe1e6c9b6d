#!lua
-- cancel: undo a confirmed reservation, whole or per line.
-- Keys: those of a shard, in the order of lib/book.lua and lib/messages.lua.
-- Arguments: a batch of such commands, see lib/batch.lua.
-- Command: { reservationId, lines: [{ sku, quantity, restock }] or null, restock, cancellationId }.
-- Answer: a reservation, or a rejection.
-- Result: see lib/batch.lua.
-- Needs: decide-cancel batch

return batch.run()
