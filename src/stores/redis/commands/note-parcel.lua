#!lua
-- note_parcel: before a parcel is sent: what a reading will need to tell whether it was applied.
-- Keys: those of a shard, in the order of lib/book.lua and lib/messages.lua.
-- Arguments: a batch of such commands, see lib/batch.lua.
-- Command: { parcelId, memo }.
-- Answer: { ok, type, messages, acknowledged: [] }, or a rejection.
-- Result: see lib/batch.lua.
-- Needs: decide-note-parcel batch

return batch.run()
