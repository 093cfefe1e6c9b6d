#!lua
-- Commands of different verbs, in their order.
-- Keys: those of a shard, in the order of lib/book.lua.
-- Arguments: a batch of commands, see lib/batch.lua.
-- Result: see lib/batch.lua.
-- Needs: decide-reserve decide-confirm decide-release decide-extend decide-cancel decide-acknowledge decide-set-stock decide-adjust-stock decide-import-stock decide-sweep decide-purge batch

return batch.run()
