#!lua
-- recover_messages: what is in flight was sent by nobody knows whom, and has become unknown.
-- Keys: those of a shard, in the order of lib/book.lua and lib/messages.lua.
-- Arguments: a batch of such commands, see lib/batch.lua.
-- Command: { nextAttemptAt }.
-- Answer: { ok, type, recovered }.
-- Result: see lib/batch.lua.
-- Needs: decide-recover-messages batch

return batch.run()
