-- release: an active reservation gives its units back. Translates src/core/decide/release.ts.
-- Needs: verbs
local REFUSED_RELEASES = {
  cancelled = 'reservation_cancelled', confirmed = 'already_confirmed', acknowledged = 'already_confirmed',
}

function verbs.release(command)
  local id = command.reservationId
  local reservation = lapse.settled(id)
  if reservation == nil then
    return answers.rejected('release', { code = 'reservation_not_found', reservationId = id })
  end
  if reservation.status == 'active' then
    lapse.giveBack(reservation, 'release', 'released')
    return answers.reservation('release', id, true)
  end
  if reservation.status == 'released' then return answers.reservation('release', id, false) end
  if reservation.status == 'expired' then return answers.rejected('release', answers.expired(reservation)) end
  return answers.rejected('release', { code = REFUSED_RELEASES[reservation.status], reservationId = id })
end
