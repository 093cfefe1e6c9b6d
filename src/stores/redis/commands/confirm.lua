#!lua
-- confirm: the purchase is made.
-- Keys: those of a shard, in the order of lib/book.lua and lib/messages.lua.
-- Arguments: a batch of such commands, see lib/batch.lua.
-- Command: { reservationId, orderId, lines: [{ sku, quantity }] or null, onExpired }.
-- Answer: a reservation, or a rejection.
-- Result: see lib/batch.lua.
-- Needs: decide-confirm batch

return batch.run()
