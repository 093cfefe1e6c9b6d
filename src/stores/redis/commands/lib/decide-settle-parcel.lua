-- settle_parcel: what became of a parcel. Translates src/core/outbox/deliver.ts.
-- Needs: outbox

local function settledMessage(message, command)
  local outcome = command.outcome
  if outcome == 'applied' then
    local reference = command.reference ~= null and command.reference or message.reference
    return outbox.with(message, { state = 'delivered', unknownAt = null, reference = reference, lastError = null })
  end
  if outcome == 'not_applied' then
    return outbox.with(message, {
      state = 'pending', unknownAt = null, nextAttemptAt = command.nextAttemptAt, lastError = command.reason,
    })
  end
  if outcome == 'given_up' then return outbox.with(message, { state = 'dead', lastError = command.reason }) end
  local looks, unknownAt = 0, message.unknownAt
  if message.state == 'unknown' then looks = message.looks + 1 end
  if unknownAt == null then unknownAt = book.now end
  return outbox.with(message, {
    state = 'unknown', unknownAt = unknownAt, looks = looks, nextAttemptAt = command.nextAttemptAt,
    lastError = command.reason,
  })
end

-- A cancellation names what the ERP calls its sale.
local function tellCancellations(sale)
  if sale.kind ~= 'sale' or sale.reference == null then return end
  for _, message in ipairs(messages.ofReservation(sale.reservationId)) do
    if message.kind == 'cancellation' and message.key == sale.key then
      messages.put(outbox.with(message, { reference = sale.reference }))
    end
  end
end

function verbs.settle_parcel(command)
  local settled = messages.ofParcel(command.parcelId)
  if #settled == 0 then
    return answers.rejected('settle_parcel', { code = 'parcel_not_found', parcelId = command.parcelId })
  end
  messages.takeNumber()
  for index, message in ipairs(settled) do
    local after = settledMessage(message, command)
    settled[index] = after
    outbox.change(message, after)
    if command.outcome == 'applied' then tellCancellations(after) end
    if after.state == 'dead' then outbox.note('dead_letter', after, { reason = after.lastError }) end
    if after.state ~= 'unknown' then outbox.annihilate(after.reservationId, after.key) end
  end
  local acknowledged, seen = {}, {}
  for _, message in ipairs(settled) do
    local id = message.reservationId
    if not seen[id] and outbox.acknowledgeIfTold(id) then acknowledged[#acknowledged + 1] = values.text(id) end
    seen[id] = true
  end
  return '{"ok":true,"type":"settle_parcel","messages":' .. outbox.listJson(settled)
    .. ',"acknowledged":' .. values.list(acknowledged) .. '}'
end
