-- extend: more time for an active reservation, within its cap. Translates src/core/decide/extend.ts.
-- Needs: verbs iso-time
local REFUSED_EXTENSIONS = {
  released = 'reservation_released', cancelled = 'reservation_cancelled', confirmed = 'already_confirmed',
  acknowledged = 'already_confirmed',
}

local function extendFault(reservation, command, orderId, ttlSeconds)
  local id = command.reservationId
  if reservation == nil then return { code = 'reservation_not_found', reservationId = id } end
  if reservation.status == 'expired' then return answers.expired(reservation) end
  local refused = REFUSED_EXTENSIONS[reservation.status]
  if refused then return { code = refused, reservationId = id } end
  if orderId ~= nil and reservation.orderId ~= nil and orderId ~= reservation.orderId then
    return { code = 'order_mismatch', reservationId = id }
  end
  if ttlSeconds ~= nil and ttlSeconds > rules.given.maxTtlSeconds then
    return { code = 'ttl_out_of_range', maxTtlSeconds = rules.given.maxTtlSeconds }
  end
  return nil
end

function verbs.extend(command)
  local id = command.reservationId
  local ttlSeconds, named = values.optional(command.ttlSeconds), values.optional(command.orderId)
  local reservation = lapse.settled(id)
  local fault = extendFault(reservation, command, named, ttlSeconds)
  if fault ~= nil then return answers.rejected('extend', fault) end
  local orderId = reservation.orderId or named
  local given = rules.given
  -- The cap counts from the creation; a latched reservation's leaves room for its payment, whenever it was latched.
  local payment = orderId and given.paymentTtlSeconds[values.optional(command.paymentMethod) or 'card'] or 0
  -- The time to pay an order is no SKU's to shorten.
  local seconds = orderId and (ttlSeconds or payment) or rules.lifetimeSeconds(ttlSeconds, reservation.lines)
  local target = book.now + seconds * 1000
  local cap = reservation.createdAt + (given.extendCapSeconds + payment) * 1000
  local expiresAt = math.max(reservation.expiresAt, math.min(target, cap))
  if expiresAt == reservation.expiresAt and orderId == reservation.orderId then
    if target > cap then
      local rejection = { code = 'extend_limit_reached', reservationId = id, expiresAt = expiresAt }
      return answers.rejected('extend', rejection)
    end
    return answers.reservation('extend', id, false)
  end
  book.put(book.with(reservation, { expiresAt = expiresAt, orderId = orderId }))
  local detail = { expires_at = values.isoTime(expiresAt), order_id = values.orNull(orderId) }
  for _, line in ipairs(reservation.lines) do
    book.append('extend', line.sku, id, 0, 0, 0, 0, detail)
  end
  return answers.reservation('extend', id, true)
end
