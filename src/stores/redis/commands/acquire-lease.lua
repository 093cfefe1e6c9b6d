#!lua flags=allow-oom
-- Takes a lease that is free, or keeps one that the holder has; else only tells who has it.
-- Keys: a shard's (lib/book.lua). Arguments: now (see book.open), lease, holder, length in ms.
-- Result: [token, holder]; the token rises whenever it is taken.
-- Needs: leases
book.open(ARGV[1])
local name, holder, lengthMs = ARGV[2], ARGV[3], tonumber(ARGV[4])
local lease = leases.read(name)
if leases.isFree(lease) then
  leases.write(name, lease.token + 1, book.now + lengthMs, holder)
elseif lease.holder == holder then
  leases.write(name, lease.token, book.now + lengthMs, holder)
end
lease = leases.read(name)
return { lease.token, lease.holder }
