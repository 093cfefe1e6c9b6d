#!lua flags=allow-oom
-- trim_ledger: cuts at most `limit` of the oldest entries off, of those that were exported and that the policy lets go.
-- Keys: those of a shard, in the order of lib/book.lua, lib/messages.lua and lib/trimming.lua.
-- Arguments: a batch of such commands, see lib/batch.lua.
-- Command: { exportedThrough, before, keepEntries, limit }. Answer: { ok, type, trimmed, cut, more }.
-- Result: see lib/batch.lua.
-- Needs: decide-trim-ledger batch

return batch.run()
