-- Needs: values

-- Epoch milliseconds as ISO 8601 in UTC, like 2027-01-15T08:00:00.000Z (years 1970 to 9999).
function values.isoTime(at)
  local days = math.floor(at / 86400000)
  local rest = at - days * 86400000
  -- Days since 0000-03-01, in eras of 400 years: leap days come last in such a year.
  local z = days + 719468
  local era = math.floor(z / 146097)
  local dayOfEra = z - era * 146097
  local yearOfEra = math.floor(
    (dayOfEra - math.floor(dayOfEra / 1460) + math.floor(dayOfEra / 36524) - math.floor(dayOfEra / 146096)) / 365)
  local dayOfYear = dayOfEra - (365 * yearOfEra + math.floor(yearOfEra / 4) - math.floor(yearOfEra / 100))
  local month = math.floor((5 * dayOfYear + 2) / 153)
  local day = dayOfYear - math.floor((153 * month + 2) / 5) + 1
  month = month < 10 and month + 3 or month - 9
  local year = yearOfEra + era * 400 + (month <= 2 and 1 or 0)
  local seconds = math.floor(rest / 1000)
  return string.format('%04d-%02d-%02dT%02d:%02d:%02d.%03dZ', year, month, day,
    math.floor(seconds / 3600), math.floor(seconds / 60) % 60, seconds % 60, rest % 1000)
end
