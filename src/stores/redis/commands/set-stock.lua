#!lua
-- set_stock: units on hand, safety stock and policy of a SKU, which need not be known.
-- Keys: those of a shard, in the order of lib/book.lua.
-- Arguments: a batch of such commands, see lib/batch.lua.
-- Command: { sku, onHand, safetyStock, policy }, each but the SKU may be left out.
-- Answer: { ok, type, created, level, released: [id] }.
-- Result: see lib/batch.lua.
-- Needs: decide-set-stock batch

return batch.run()
