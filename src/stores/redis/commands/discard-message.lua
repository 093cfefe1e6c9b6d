#!lua
-- discard_message: a person wants the ERP not to be told of a dead letter.
-- Keys: those of a shard, in the order of lib/book.lua and lib/messages.lua.
-- Arguments: a batch of such commands, see lib/batch.lua.
-- Command: { messageId, reason, units }.
-- Answer: { ok, type, message }, or a rejection.
-- Result: see lib/batch.lua.
-- Needs: decide-discard-message batch

return batch.run()
