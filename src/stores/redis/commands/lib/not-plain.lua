-- What plain reserves need where one is not that plain after all; made when the first of them needs it.
-- Needs: decide-reserve batch plain-reserves
rules.given = cjson.decode(ARGV[1]).rules

function plain.carryOut(id, sku, quantity, customerId, ttlSeconds, key, fingerprint)
  local command = {
    type = 'reserve', reservationId = id, lines = { { sku = sku, quantity = quantity } }, customerId = customerId,
    ttlSeconds = ttlSeconds, allowPartial = false,
  }
  return plain.execute({ command = command, key = key, fingerprint = fingerprint })
end

plain.execute = execute

-- How long the reservation would live, if it can be granted in full; or nil.
function plain.lifetimeOfGrant(level, quantity, customerId, ttlSeconds)
  if quantity > MAX_QUANTITY then return nil end
  if ttlSeconds ~= nil and (ttlSeconds > rules.given.maxTtlSeconds or ttlSeconds < 1) then return nil end
  local _, obstacle = weigh(level.sku, quantity, customerId)
  if obstacle ~= nil then return nil end
  return rules.shortest(ttlSeconds, level.sku) or rules.given.ttlSeconds
end

-- Refusals of this call for want of stock, by quantity: those that follow are told the same, until something changes.
function plain.refusalFor(level, digits)
  local known = level.refusals[digits]
  return known and known.seq >= (level.touched or 0) and known.answer or nil
end

function plain.noteRefusal(level, digits, answer)
  if level.policy ~= NO_POLICY or string.sub(answer, 1, 11) ~= '{"ok":false' then return end
  level.refusals = level.refusals or {}
  level.refusals[digits] = { answer = answer, seq = book.seq }
end

plain.sweepInPassing, plain.noticeJson = lapse.sweepInPassing, noticeJson
