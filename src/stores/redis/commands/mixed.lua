#!lua
-- Commands of different verbs, in their order.
-- Keys: those of a shard, in the order of lib/book.lua, lib/messages.lua and lib/trimming.lua.
-- Arguments: a batch of commands, see lib/batch.lua.
-- Result: see lib/batch.lua.
-- Needs: decide-reserve decide-confirm decide-release decide-extend decide-cancel decide-acknowledge decide-set-stock decide-adjust-stock decide-import-stock decide-sweep decide-purge decide-trim-ledger decide-claim-messages decide-note-parcel decide-settle-parcel decide-recover-messages decide-retry-message decide-discard-message decide-reconcile batch

return batch.run()
