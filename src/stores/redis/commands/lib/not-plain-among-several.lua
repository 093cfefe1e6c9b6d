-- As lib/not-plain.lua, on one shard of several.
-- Needs: not-plain sharded-batch plain-among-several
local asked = cjson.decode(ARGV[1])
numberAmong(asked.shard, asked.shards)

function plain.partsToAsk()
  return partsToAsk(asked.holding)
end

plain.execute, plain.writeShares, plain.writeCarts = executeHere, shares.writeAll, carts.writeAll
