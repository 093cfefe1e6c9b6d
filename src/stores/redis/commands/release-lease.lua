#!lua flags=allow-oom
-- Gives a lease up, if it is still that tenure's.
-- Keys: a shard's (lib/book.lua). Arguments: now (see book.open), lease, token, holder.
-- Result: 1 if it was, else 0.
-- Needs: leases
book.open(ARGV[1])
local lease = leases.read(ARGV[2])
if not leases.isLatest(ARGV[2], tonumber(ARGV[3]), ARGV[4]) or leases.isFree(lease) then return 0 end
leases.write(ARGV[2], lease.token, 0, lease.holder)
return 1
