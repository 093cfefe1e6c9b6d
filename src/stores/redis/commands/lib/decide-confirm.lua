-- confirm: the purchase is made. Translates src/core/decide/confirm.ts.
-- Needs: outbox

local function differentOrder(reservation, orderId)
  return orderId ~= nil and reservation.orderId ~= nil and reservation.orderId ~= orderId
end

-- The first answer again. A confirm made without an order is adopted by the first order that names itself, which is
-- recorded.
local function confirmAgain(reservation, orderId)
  if differentOrder(reservation, orderId) then
    return answers.rejected('confirm', { code = 'already_confirmed', reservationId = reservation.id })
  end
  if orderId == nil or reservation.orderId ~= nil then
    return answers.reservation('confirm', reservation.id, false)
  end
  local adopted = book.with(reservation, { orderId = orderId, endedAt = book.now })
  book.put(adopted)
  for _, line in ipairs(reservation.lines) do
    if line.confirmed > 0 then
      book.append('adopt', line.sku, reservation.id, 0, 0, 0, 0, { order_id = orderId })
    end
  end
  outbox.adoptOrder(adopted)
  return answers.reservation('confirm', reservation.id, false)
end

local function linesFault(reservation, wanted)
  for _, line in ipairs(wanted) do
    local reserved = nil
    for _, candidate in ipairs(reservation.lines) do
      if candidate.sku == line.sku then reserved = candidate.quantity end
    end
    if reserved == nil then
      return { code = 'line_not_reserved', reservationId = reservation.id, sku = line.sku }
    end
    if line.quantity > reserved then
      return {
        code = 'quantity_exceeds_reserved', reservationId = reservation.id, sku = line.sku, reserved = reserved,
        requested = line.quantity,
      }
    end
  end
  return nil
end

-- Is the stock still there, and would the customer stay within the limit, whatever else they took meanwhile?
local function canReacquire(reservation, wanted)
  for _, line in ipairs(wanted) do
    local level = book.level(line.sku)
    if level == nil or levels.available(level) < line.quantity then return false end
    local limit = level.policy.maxPerCustomer
    if limit ~= nil and reservation.customerId ~= nil
      and held.units(line.sku, reservation.customerId) + line.quantity > limit then
      return false
    end
  end
  return true
end

-- The buyer has paid and cannot be served: recorded once, however often it is asked.
local function refundRequired(reservation, wanted, orderId)
  local marked = book.with(reservation, {
    refundRequired = true, endedAt = book.now, orderId = reservation.orderId or orderId,
  })
  book.put(marked)
  for _, line in ipairs(wanted) do
    local detail = { quantity = line.quantity, order_id = values.orNull(marked.orderId) }
    book.append('refund_required', line.sku, marked.id, 0, 0, 0, 0, detail)
  end
  return answers.rejected('confirm', answers.expired(marked))
end

local function appendConfirmation(confirmed)
  local detail = nil
  if confirmed.orderId ~= nil or confirmed.reacquired then
    detail = { order_id = confirmed.orderId, reacquired = confirmed.reacquired or nil }
  end
  for _, line in ipairs(confirmed.lines) do
    -- A lapsed reservation has given its units back already; only an active one holds them.
    local reserved = confirmed.reacquired and 0 or line.confirmed
    local spare = confirmed.reacquired and 0 or line.quantity - line.confirmed
    if line.confirmed > 0 then
      book.append('confirm', line.sku, confirmed.id, 0, -reserved, line.confirmed, 0, detail)
    end
    if spare > 0 then book.append('release', line.sku, confirmed.id, 0, -spare, 0, 0, nil) end
  end
end

local function confirm(reservation, wanted, orderId)
  local units, lines = {}, {}
  for _, line in ipairs(wanted) do units[line.sku] = line.quantity end
  for index, line in ipairs(reservation.lines) do
    lines[index] = {
      sku = line.sku, quantity = line.quantity, confirmed = units[line.sku] or 0, cancelled = line.cancelled,
    }
  end
  local atOnce = rules.given.acknowledgeOnConfirm
  local confirmed = book.with(reservation, {
    status = atOnce and 'acknowledged' or 'confirmed', lines = lines, orderId = reservation.orderId or orderId,
    endedAt = book.now, reacquired = reservation.status == 'expired',
  })
  book.put(confirmed)
  appendConfirmation(confirmed)
  if atOnce then appendAcknowledgement(confirmed) else outbox.queueSale(confirmed) end
  return answers.reservation('confirm', confirmed.id, true)
end

local REFUSED_CONFIRMS = { released = 'reservation_released', cancelled = 'reservation_cancelled' }

function verbs.confirm(command)
  local id = command.reservationId
  local orderId, lines = values.optional(command.orderId), values.optional(command.lines)
  local late = command.onExpired == 'reacquire'
  local reservation = lapse.settled(id)
  if reservation == nil then
    return answers.rejected('confirm', { code = 'reservation_not_found', reservationId = id })
  end
  local status = reservation.status
  local wanted = lapse.sumLines(lines or reservation.lines)
  if status == 'expired' and late then lapse.makeRoom(wanted) end
  if REFUSED_CONFIRMS[status] then
    return answers.rejected('confirm', { code = REFUSED_CONFIRMS[status], reservationId = id })
  end
  if status == 'confirmed' or status == 'acknowledged' then return confirmAgain(reservation, orderId) end
  if differentOrder(reservation, orderId) then
    return answers.rejected('confirm', { code = 'order_mismatch', reservationId = id })
  end
  local fault = linesFault(reservation, wanted)
  if fault ~= nil then return answers.rejected('confirm', fault) end
  if status == 'expired' then
    -- A refund that was asked for stays asked for, even if the stock has come back since.
    if not late or reservation.refundRequired then return answers.rejected('confirm', answers.expired(reservation)) end
    if not canReacquire(reservation, wanted) then return refundRequired(reservation, wanted, orderId) end
  end
  return confirm(reservation, wanted, orderId)
end
