-- Units under one key.
local stock = {}

function stock.left()
  return tonumber(redis.call('GET', KEYS[1]) or '0')
end
