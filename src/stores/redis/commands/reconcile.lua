#!lua
-- reconcile: compares a balance that the ERP told with the books, and with `fix` makes them agree.
-- Keys: those of a shard, in the order of lib/book.lua and lib/messages.lua.
-- Arguments: a batch of such commands, see lib/batch.lua.
-- Command: { sku, erpOnHand, fence, fix, cause }.
-- Answer: { ok, type, drift, corrected, released: [id] }, or a rejection.
-- Result: see lib/batch.lua.
-- Needs: decide-reconcile batch

return batch.run()
