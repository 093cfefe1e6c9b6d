#!lua
-- adjust_stock: units found or lost, and why.
-- Keys: those of a shard, in the order of lib/book.lua.
-- Arguments: a batch of such commands, see lib/batch.lua.
-- Command: { sku, delta, reason }. Answer: { ok, type, created, level, released: [id] }, or a rejection.
-- Result: see lib/batch.lua.
-- Needs: decide-adjust-stock batch

return batch.run()
