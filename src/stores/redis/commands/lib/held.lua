-- What each customer has of each SKU, for max_per_customer. One field per customer and SKU: the units confirmed and not
-- cancelled, then the units of active lines beside their deadline, so that a lapsed line stops counting by itself.
-- Needs: book
-- texts: as they stand in the hash, or will; added: those to which lines were added.
local held = { texts = {}, added = {}, fieldOf = false, fetch = false, add = false, write = false }

function held.fieldOf(sku, customerId)
  return values.digits(#customerId) .. ':' .. customerId .. ':' .. sku
end

-- Reads what a batch is going to ask for, together.
function held.fetch(fields)
  for from = 1, #fields, MOST_VALUES do
    local last = math.min(from + MOST_VALUES - 1, #fields)
    local found = redis.call('HMGET', KEY.held, unpack(fields, from, last))
    for index = from, last do held.texts[fields[index]] = found[index - from + 1] end
  end
end

-- Counts a new active line in, of a field that was fetched; deadline and units as texts.
function held.add(field, deadline, units)
  local text = held.texts[field]
  if not text then
    text = '0 ' .. deadline .. ':' .. units
  else
    local from, to = string.find(text, ' ' .. deadline .. ':', 1, true)
    if from then
      local before, rest = string.match(string.sub(text, to + 1), '^(%d+)(.*)$')
      text = string.sub(text, 1, to) .. values.digits(before + units) .. rest
    else
      text = text .. ' ' .. deadline .. ':' .. units
    end
  end
  held.texts[field] = text
  held.added[#held.added + 1] = field
end

function held.write()
  if #held.added == 0 then return end
  local kept = {}
  for index, field in ipairs(held.added) do kept[2 * index - 1], kept[2 * index] = field, held.texts[field] end
  held.added = {}
  callMany('HSET', KEY.held, kept)
end
