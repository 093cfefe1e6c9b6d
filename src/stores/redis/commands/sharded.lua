#!lua
-- Commands on one shard of several, of any verb, in their order; among them the steps of carts (lib/cart-steps.lua).
-- Keys: those of a shard, in the order of lib/book.lua, lib/messages.lua and lib/trimming.lua, then those of lib/carts.lua.
-- Arguments: a batch of commands, see lib/sharded-batch.lua.
-- Result: see lib/sharded-batch.lua.
-- Needs: decide-reserve decide-confirm decide-release decide-extend decide-cancel decide-acknowledge decide-set-stock decide-adjust-stock decide-import-stock decide-sweep decide-trim-ledger decide-claim-messages decide-note-parcel decide-settle-parcel decide-recover-messages decide-retry-message decide-discard-message decide-reconcile sharded-batch

return sharded.run()
