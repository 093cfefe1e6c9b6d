#!lua flags=no-writes
-- How many carts this shard is the home of.
-- Keys: those of a shard among several (lib/carts.lua). Argument: now (see book.open).
-- Result: [active carts, oldest deadline that has passed or false].
-- Needs: carts
book.open(ARGV[1])
local due = redis.call('ZRANGEBYSCORE', CART.deadlines, '-inf', book.now, 'WITHSCORES', 'LIMIT', 0, 1)
return { redis.call('ZCARD', CART.deadlines), due[2] ~= nil and tonumber(due[2]) }
