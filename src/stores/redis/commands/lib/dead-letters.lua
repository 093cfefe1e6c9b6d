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

function deadLetters.note(kind, message, detail)
  detail.message, detail.reservation_id = message.id, message.reservationId
  for _, sku in ipairs(outbox.skusOf(message)) do book.append(kind, sku, nil, 0, 0, 0, 0, detail) end
end

function deadLetters.answer(verb, message)
  return '{"ok":true,"type":"' .. verb .. '","message":' .. cjson.encode(message) .. '}'
end
