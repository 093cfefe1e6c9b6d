-- trim_ledger: cuts at most `limit` of the oldest entries off, of those that were exported and that the policy lets go.
-- Needs: trimming verbs

function verbs.trim_ledger(command)
  local through, before = values.optional(command.exportedThrough), values.optional(command.before)
  local cut = trimming.cut()
  if through ~= nil and math.min(through, book.seq) > cut.exportedThrough then
    cut.exportedThrough = math.min(through, book.seq)
    trimming.noteExport(cut.exportedThrough)
  end
  local entries = {}
  if before ~= nil then
    -- The newest entry always stays, and so does what was written at this moment.
    local last = math.min(cut.exportedThrough, book.seq - math.max(1, command.keepEntries))
    entries = trimming.entriesAfter(cut.seq, last, math.min(before, book.now), command.limit)
  end
  if #entries > 0 then
    trimming.cutOff(entries)
    cut.seq, cut.at = entries[#entries].seq, entries[#entries].at
  end
  return '{"ok":true,"type":"trim_ledger","trimmed":' .. #entries .. ',"cut":{"seq":' .. values.digits(cut.seq)
    .. ',"at":' .. values.digits(cut.at) .. ',"exportedThrough":' .. values.digits(cut.exportedThrough)
    .. '},"more":' .. tostring(#entries == command.limit) .. '}'
end
