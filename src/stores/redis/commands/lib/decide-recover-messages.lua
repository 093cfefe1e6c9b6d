-- recover_messages: after a stop in mid-flight nobody knows what became of what was in flight. Translates
-- src/core/outbox/deliver.ts.
-- Needs: outbox

function verbs.recover_messages(command)
  local found = messages.inFlight()
  if #found > 0 then messages.takeNumber() end
  for _, message in ipairs(found) do
    outbox.change(message, outbox.with(message, {
      state = 'unknown', unknownAt = book.now, nextAttemptAt = command.nextAttemptAt,
      lastError = 'the service stopped while this was on its way',
    }))
  end
  return '{"ok":true,"type":"recover_messages","recovered":' .. #found .. '}'
end
