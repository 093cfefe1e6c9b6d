#!lua
-- import_stock: many settings, all or none; with `dryRun` nothing changes and the answer tells what would.
-- Keys: those of a shard, in the order of lib/book.lua.
-- Arguments: a batch of such commands, see lib/batch.lua.
-- Command: { rows: [{ sku, onHand, safetyStock, policy }], dryRun }.
-- Answer: { ok, type, created, updated, unchanged, changes: [{ sku, effect, onHandBefore, onHandAfter }] }.
-- Result: see lib/batch.lua.
-- Needs: decide-import-stock batch

return batch.run()
