-- What a person does with a message that was given up on. Translates src/core/outbox/dead-letter.ts.
-- Needs: outbox
local deadLetters = {}

-- The dead message, or nil and why there is none.
function deadLetters.find(id)
  local message = messages.find(id)
  if message == nil then return nil, { code = 'message_not_found', messageId = id } end
  if message.state == 'dead' then return message, nil end
  return nil, { code = 'message_not_dead', messageId = id, state = message.state }
end

-- The ERP will not be told of it; returns it as it is then.
function deadLetters.discard(dead, reason, units)
  if units == 'restock' then
    -- The sale is cancelled, and with it what was to be said of its cancellations.
    for _, message in ipairs(messages.ofReservation(dead.reservationId)) do
      if message.kind == 'cancellation' and message.key == dead.key and message.state == 'pending' then
        outbox.change(message, nil)
      end
    end
  end
  outbox.note('outbox_discard', dead, { reason = reason, units = units })
  messages.takeNumber()
  local discarded = outbox.with(dead, { state = 'delivered' })
  outbox.change(messages.find(dead.id) or dead, units == 'deduct' and discarded or nil)
  outbox.acknowledgeIfTold(dead.reservationId)
  return discarded
end

function deadLetters.answer(verb, message)
  return '{"ok":true,"type":"' .. verb .. '","message":' .. cjson.encode(message) .. '}'
end
