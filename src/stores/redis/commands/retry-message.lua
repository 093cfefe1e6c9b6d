#!lua
-- retry_message: a person wants a dead letter to be sent again.
-- Keys: those of a shard, in the order of lib/book.lua and lib/messages.lua.
-- Arguments: a batch of such commands, see lib/batch.lua.
-- Command: { messageId, reason }.
-- Answer: { ok, type, message }, or a rejection.
-- Result: see lib/batch.lua.
-- Needs: decide-retry-message batch

return batch.run()
