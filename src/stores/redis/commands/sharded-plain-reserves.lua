#!lua
-- sharded-plain-reserves: as plain-reserves.lua, on one shard of several.
-- Keys: those of a shard, in the order of lib/book.lua, lib/messages.lua and lib/trimming.lua, then those of lib/carts.lua.
-- Arguments: see lib/plain-reserves.lua; the first has `holding`, as lib/sharded-batch.lua has it.
-- Result: as plain-reserves.lua has it; or what must be asked first, as lib/sharded-batch.lua has it.
-- Needs: plain-among-several
-- Later: not-plain-among-several

return plain.run(later)
