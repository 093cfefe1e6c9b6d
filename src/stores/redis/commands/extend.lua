#!lua
-- extend: more time for an active reservation, within its cap.
-- Keys: those of a shard, in the order of lib/book.lua.
-- Arguments: a batch of such commands, see lib/batch.lua.
-- Command: { reservationId, ttlSeconds, orderId, paymentMethod }. Answer: a reservation, or a rejection.
-- Result: see lib/batch.lua.
-- Needs: decide-extend batch

return batch.run()
