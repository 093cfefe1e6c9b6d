-- note_parcel: what a reading will need to tell whether the parcel was applied. Translates src/core/outbox/deliver.ts.
-- Needs: outbox

function verbs.note_parcel(command)
  local noted = messages.ofParcel(command.parcelId)
  if #noted == 0 then
    return answers.rejected('note_parcel', { code = 'parcel_not_found', parcelId = command.parcelId })
  end
  for index, message in ipairs(noted) do
    noted[index] = outbox.with(message, { memo = command.memo })
    messages.put(noted[index])
  end
  return '{"ok":true,"type":"note_parcel","messages":' .. outbox.listJson(noted) .. ',"acknowledged":[]}'
end
