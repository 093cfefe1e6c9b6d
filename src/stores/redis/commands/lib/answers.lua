-- Answers as JSON texts, as src/core/command.ts describes them.
-- Needs: values
local answers = {}

function answers.rejected(verb, rejection)
  return '{"ok":false,"type":"' .. verb .. '","rejection":' .. cjson.encode(rejection) .. '}'
end

-- `record`: the reservation as JSON. `changed`: false where the work was done already.
function answers.reservation(verb, record, changed)
  return '{"ok":true,"type":"' .. verb .. '","changed":' .. tostring(changed) .. ',"reservation":' .. record .. '}'
end

-- The rejection for a reservation that has lapsed.
function answers.expired(reservation)
  return {
    code = 'reservation_expired', reservationId = reservation.id, expiredAt = reservation.expiresAt,
    refundRequired = reservation.refundRequired,
  }
end
