-- acknowledge: the ERP has deducted the units of a confirmed reservation. Translates src/core/decide/acknowledge.ts.
-- Needs: outbox

function verbs.acknowledge(command)
  local id = command.reservationId
  local reservation = lapse.settled(id)
  if reservation == nil then
    return answers.rejected('acknowledge', { code = 'reservation_not_found', reservationId = id })
  end
  local status = reservation.status
  if status == 'acknowledged' then
    outbox.dropSale(id)
    return answers.reservation('acknowledge', id, false)
  end
  if status ~= 'confirmed' then
    return answers.rejected('acknowledge', { code = 'not_confirmed', reservationId = id, status = status })
  end
  book.put(book.with(reservation, { status = 'acknowledged', endedAt = book.now }))
  appendAcknowledgement(reservation)
  outbox.dropSale(id)
  return answers.reservation('acknowledge', id, true)
end
