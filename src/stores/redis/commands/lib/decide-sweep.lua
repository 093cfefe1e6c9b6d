-- sweep: records the expiry of at most `limit` lapsed reservations.
-- Needs: verbs

function verbs.sweep(command)
  local expired = lapse.sweep(command.limit)
  local more = #expired == command.limit and #cohorts.due(1) > 0
  for index, reservation in ipairs(expired) do expired[index] = book.told(reservation.id) end
  return '{"ok":true,"type":"sweep","more":' .. tostring(more) .. ',"expired":' .. values.list(expired) .. '}'
end
