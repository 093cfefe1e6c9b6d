#!lua
-- settle_parcel: what became of a parcel.
-- Keys: those of a shard, in the order of lib/book.lua and lib/messages.lua.
-- Arguments: a batch of such commands, see lib/batch.lua.
-- Command: { parcelId, outcome, reference, reason, nextAttemptAt }.
-- Answer: { ok, type, messages, acknowledged: [reservation id] }, or a rejection.
-- Result: see lib/batch.lua.
-- Needs: decide-settle-parcel batch

return batch.run()
