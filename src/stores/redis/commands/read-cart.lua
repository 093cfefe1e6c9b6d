#!lua flags=no-writes
-- A reservation, or the cart of which this shard is the home, as recorded, and the moment of reading.
-- Keys: those of a shard among several (lib/carts.lua). Arguments: now (see book.open), id.
-- Result: [epoch ms, the reservation (see book.told) or false, the cart as JSON or false].
-- Needs: carts
book.open(ARGV[1])
local record = book.reservation(ARGV[2])
if record ~= nil and record.step == nil then return { book.now, book.told(ARGV[2]), false } end
local _, json = carts.read(ARGV[2])
return { book.now, false, json or false }
