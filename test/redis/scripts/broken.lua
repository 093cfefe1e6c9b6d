#!lua
-- Writes, and then does what a bug does.
redis.call('INCR', KEYS[1])
return redis.call('LPUSH', KEYS[1], '1')
