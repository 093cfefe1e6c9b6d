-- claim_messages: takes what is to be sent to the ERP next; it is in flight until it is settled. Translates
-- src/core/outbox/deliver.ts.
-- Needs: outbox

-- The first of these messages that are due, in a row.
local function dueInARow(pending)
  local taken = {}
  for index, message in ipairs(pending) do
    if message.nextAttemptAt > book.now then break end
    taken[index] = message
  end
  return taken
end

function verbs.claim_messages(command)
  local parcels = {}
  for index, head in ipairs(messages.dueHeads(command.limit)) do
    local key = head.key
    -- A sale goes alone, a SKU's units together.
    local most = key == head.reservationId and 1 or command.messagesPerParcel
    local taken = dueInARow(messages.pendingOfKey(key, most))
    local id = messages.takeNumber()
    for at, message in ipairs(taken) do
      taken[at] = outbox.with(message, {
        state = 'in_flight', parcelId = id, attempts = message.attempts + 1, looks = 0, memo = null,
      })
      outbox.change(message, taken[at])
    end
    parcels[index] = '{"id":' .. id .. ',"key":' .. values.text(key) .. ',"messages":' .. outbox.listJson(taken) .. '}'
  end
  return '{"ok":true,"type":"claim_messages","parcels":' .. values.list(parcels) .. '}'
end
