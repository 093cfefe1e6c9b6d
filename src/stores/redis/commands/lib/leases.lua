-- Who of several instances does what only one may do (src/engine/lease.ts). A field of meta for each lease,
-- `lease:NAME`: "token until holder"; until: epoch ms on the clock of the books, 0 where it was given up.
-- Needs: book
local leases = { known = {} }

-- { token, until, holder } of the latest tenure; token 0: there has been none.
function leases.read(name)
  local lease = leases.known[name]
  if lease == nil then
    local text = redis.call('HGET', KEY.meta, 'lease:' .. name) or '0 0 -'
    local token, untilTime, holder = string.match(text, '^(%d+) (%d+) (.*)$')
    lease = { token = tonumber(token), untilTime = tonumber(untilTime), holder = holder }
    leases.known[name] = lease
  end
  return lease
end

function leases.isFree(lease)
  return lease.untilTime <= book.now
end

-- The clock is recorded with it, so that a tenure that has ended has ended for good.
function leases.write(name, token, untilTime, holder)
  leases.known[name] = { token = token, untilTime = untilTime, holder = holder }
  local text = string.format('%d %d %s', token, untilTime, holder)
  redis.call('HSET', KEY.meta, 'lease:' .. name, text, 'clock', book.now)
end

-- Is it the tenure of this token and holder, over or not, that was the latest? Both: books that lost their newest
-- changes may give a token twice.
function leases.isLatest(name, token, holder)
  local lease = leases.read(name)
  return lease.token == token and lease.holder == holder
end
