-- Answers as JSON texts, as src/core/command.ts describes them.
-- Needs: book-reads
local answers = {}

function answers.rejected(verb, rejection)
  return '{"ok":false,"type":"' .. verb .. '","rejection":' .. cjson.encode(rejection) .. '}'
end

-- Of the reservation as it stands. `changed`: false where the work was done already.
function answers.reservation(verb, id, changed)
  return '{"ok":true,"type":"' .. verb .. '","changed":' .. tostring(changed) .. ',"reservation":' .. book.told(id) .. '}'
end

-- The rejection for a reservation that has lapsed.
function answers.expired(reservation)
  return {
    code = 'reservation_expired', reservationId = reservation.id, expiredAt = reservation.expiresAt,
    refundRequired = reservation.refundRequired,
  }
end
