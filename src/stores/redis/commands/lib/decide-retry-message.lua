-- retry_message: a person has seen to it that the ERP does not have it already.
-- Needs: dead-letters

function verbs.retry_message(command)
  local dead, fault = deadLetters.find(command.messageId)
  if dead == nil then return answers.rejected('retry_message', fault) end
  local pending = outbox.with(dead, { state = 'pending', nextAttemptAt = book.now, unknownAt = null, lastError = null })
  outbox.change(dead, pending)
  outbox.note('outbox_retry', dead, { reason = command.reason })
  outbox.annihilate(dead.reservationId, dead.key)
  outbox.acknowledgeIfTold(dead.reservationId)
  return deadLetters.answer('retry_message', pending)
end
