#!lua
-- import-shard: as import-books.lua, into one shard of several.
-- Keys: those of a shard, in the order of lib/book.lua, lib/messages.lua and lib/trimming.lua, then those of lib/carts.lua.
-- Argument: as import-books.lua has it. Reservations may be parts, with a `step`; `load` also has
--   carts: [{ id, version, json, deadline, ended }], as carts.write has them;
--   shares: [[id of a cart, JSON]], as lib/carts.lua has them.
-- Result: as import-books.lua has it.
-- Needs: importing carts
local emptyBooks, loadBooks = importing.empty, importing.load

function importing.empty()
  local state = emptyBooks()
  if state ~= 'ready' then return state end
  redis.call('UNLINK', CART.carts, CART.deadlines, CART.ended, CART.unfinished, CART.tentative, CART.parts,
    CART.told, CART.untold, CART.shares)
  return 'ready'
end

function importing.load()
  local state = loadBooks()
  for _, cart in ipairs(asked.carts) do
    carts.write(cart.id, cart.version, cart.json, values.optional(cart.deadline), values.optional(cart.ended), nil)
  end
  for _, each in ipairs(asked.shares) do redis.call('HSET', CART.shares, each[1], each[2]) end
  carts.writeAll()
  return state
end

return importing.run()
