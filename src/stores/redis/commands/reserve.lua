#!lua
-- reserve: claim stock for a limited time, or say exactly what is short.
-- Keys: those of a shard, in the order of lib/book.lua.
-- Arguments: a batch of such commands, see lib/batch.lua.
-- Command: { reservationId, lines: [{ sku, quantity }], customerId, ttlSeconds, allowPartial }.
-- Answer: { ok, type, reservation, refused: [{ sku, requested, granted, reason }] }, or a rejection.
-- Result: see lib/batch.lua.
-- Needs: decide-reserve batch

return batch.run()
