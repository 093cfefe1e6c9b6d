#!lua flags=allow-oom
-- purge: forgets at most `limit` reservations that ended before `endedBefore`, and as many idempotency records as old.
-- Keys: those of a shard, in the order of lib/book.lua, lib/messages.lua and lib/trimming.lua.
-- Arguments: a batch of such commands, see lib/batch.lua.
-- Command: { endedBefore, limit }. Answer: { ok, type, purged, more }.
-- Result: see lib/batch.lua.
-- Needs: decide-purge batch

return batch.run()
