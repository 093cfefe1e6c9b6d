-- JSON as the program reads it: null where nothing is, [] where a list is empty. Times in epoch milliseconds.
local null = cjson.null
-- Its functions are named when it is made, as in other tables that every call makes: one that grows is made again and again.
local values = { optional = false, orNull = false, text = false, digits = false, integer = false, list = false }
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

-- A whole number as text, which costs a fraction of what Lua and Redis need for one they take for a decimal.
function values.integer(number)
  return string.format('%d', number)
end

local digits = { [0] = '0' }

-- The same, remembered: a batch writes the same moments and small numbers again and again.
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
