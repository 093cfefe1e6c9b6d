-- JSON as the program reads it: null where nothing is, [] where a list is empty. Times in epoch milliseconds.
local null = cjson.null
local values = {}
local texts = {}

-- nil for a JSON null.
function values.optional(value)
  if value == null then return nil end
  return value
end

-- A JSON null for nil.
function values.orNull(value)
  if value == nil then return null end
  return value
end

-- A text as JSON; nil as null. Remembered: a batch says the same SKUs again and again.
function values.text(text)
  if text == nil then return 'null' end
  local json = texts[text]
  if json == nil then
    json = cjson.encode(text)
    texts[text] = json
  end
  return json
end

local digits = {}

-- A whole number as text, which costs a fraction of what Lua and Redis need for one they take for a decimal. Remembered: a batch writes the same moments and small numbers again and again.
function values.digits(number)
  local text = digits[number]
  if text == nil then
    text = string.format('%d', number)
    digits[number] = text
  end
  return text
end

-- Texts that are JSON already, as a JSON list.
function values.list(items)
  return '[' .. table.concat(items, ',') .. ']'
end

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
