-- purge: forgets at most `limit` reservations that ended before `endedBefore`, and as many idempotency records as old.
-- Needs: trimming verbs

function verbs.purge(command)
  local ids = book.endedBefore(command.endedBefore, command.limit)
  for _, id in ipairs(ids) do
    for _, message in ipairs(messages.ofReservation(id)) do
      if message.state == 'delivered' then messages.forget(message.id) end
    end
    book.forget(id)
  end
  if #ids > 0 then book.notePurge(command.endedBefore) end
  local forgotten = memory.forget(command.endedBefore, command.limit)
  local more = #ids == command.limit or forgotten == command.limit
  return '{"ok":true,"type":"purge","purged":' .. #ids .. ',"more":' .. tostring(more) .. '}'
end
