#!lua flags=allow-oom
-- Takes a lease that is free, or keeps one that the holder has; else only tells who has it.
-- Keys: a shard's (lib/book.lua). Arguments: now (see book.open), lease, holder, length in ms, a token that another shard
-- has given to somebody else, or 0: that of a holder is above it.
-- Result: [token, holder]; the token rises whenever it is taken.
-- Needs: leases
book.open(ARGV[1])
local name, holder, lengthMs, above = ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local lease = leases.read(name)
if leases.isFree(lease) then
  leases.write(name, math.max(lease.token, above) + 1, book.now + lengthMs, holder)
elseif lease.holder == holder then
  local token = lease.token > above and lease.token or above + 1
  leases.write(name, token, book.now + lengthMs, holder)
end
lease = leases.read(name)
return { lease.token, lease.holder }
