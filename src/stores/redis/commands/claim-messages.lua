#!lua
-- claim_messages: what is to be sent to the ERP next, at most `limit` parcels, is in flight until it is settled.
-- Keys: those of a shard, in the order of lib/book.lua and lib/messages.lua.
-- Arguments: a batch of such commands, see lib/batch.lua.
-- Command: { limit, messagesPerParcel }.
-- Answer: { ok, type, parcels: [{ id, key, messages }] }.
-- Result: see lib/batch.lua.
-- Needs: decide-claim-messages batch

return batch.run()
