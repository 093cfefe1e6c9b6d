#!lua
-- Takes ARGV[1] units of KEYS[1] if there are enough, and notes the taker ARGV[2] in KEYS[2].
-- Needs: stock
local wanted = tonumber(ARGV[1])
if stock.left() < wanted then return 'refused' end
redis.call('DECRBY', KEYS[1], wanted)
redis.call('SADD', KEYS[2], ARGV[2])
return 'taken'
