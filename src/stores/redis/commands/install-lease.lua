#!lua flags=allow-oom
-- Of several shards the first gives leases; this tells another whose a lease is, so that it refuses all others.
-- Keys: a shard's (lib/book.lua). Arguments: now (see book.open), lease, token, holder, length in ms.
-- Result: [token, holder] of the latest tenure that is known here: an earlier one is not taken.
-- Needs: leases
book.open(ARGV[1])
local name, token, holder, lengthMs = ARGV[2], tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5])
local lease = leases.read(name)
if token > lease.token or leases.isLatest(name, token, holder) then
  leases.write(name, token, book.now + lengthMs, holder)
end
lease = leases.read(name)
return { lease.token, lease.holder }
