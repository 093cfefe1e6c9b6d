-- cancel: undo a confirmed reservation, whole or per line.
-- Needs: cancelling outbox

function verbs.cancel(command)
  local id, cancellationId = command.reservationId, values.optional(command.cancellationId)
  local reservation = lapse.settled(id)
  local fault, units, entries =
    cancelling.decide(reservation, id, values.optional(command.lines), command.restock, cancellationId)
  if fault ~= nil then return answers.rejected('cancel', fault) end
  if units == nil then return answers.reservation('cancel', id, false) end
  cancelling.land(reservation, units, entries, cancellationId)
  outbox.queueCancellation(id, entries)
  return answers.reservation('cancel', id, true)
end
