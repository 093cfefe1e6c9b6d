-- What each customer has of each SKU, for max_per_customer. One field per customer and SKU: the units confirmed and not
-- cancelled, then the units of active lines beside their deadline, so that a lapsed line stops counting by itself.
-- Needs: book
-- texts: as they stand in the hash; added: those to which lines were added; cells: what else was read, in parts.
local held = { texts = {}, added = {}, cells = {}, changed = {} }

function held.fieldOf(sku, customerId)
  return #customerId .. ':' .. customerId .. ':' .. sku
end

-- Reads what a batch is going to ask for, together.
function held.fetch(fields)
  for from = 1, #fields, MOST_VALUES do
    local last = math.min(from + MOST_VALUES - 1, #fields)
    local found = redis.call('HMGET', KEY.held, unpack(fields, from, last))
    for index = from, last do held.texts[fields[index]] = found[index - from + 1] end
  end
end

local function textOf(field)
  local text = held.added[field] or held.texts[field]
  if text == nil then return redis.call('HGET', KEY.held, field) end
  return text
end

local function cellOf(field)
  local cell = held.cells[field]
  if cell == nil then
    cell = { confirmed = 0, active = {} }
    local text = textOf(field)
    if held.added[field] then held.added[field], held.changed[field] = nil, true end
    if text then
      cell.confirmed = tonumber(string.match(text, '^%d+'))
      for deadline, units in string.gmatch(text, ' (%d+):(%d+)') do cell.active[tonumber(deadline)] = tonumber(units) end
    end
    held.cells[field] = cell
  end
  return cell
end

-- Units of the SKU that the customer has: active and not lapsed, and confirmed and not cancelled.
function held.units(sku, customerId)
  local cell = cellOf(held.fieldOf(sku, customerId))
  local units = cell.confirmed
  for deadline, active in pairs(cell.active) do
    if deadline > book.now then units = units + active end
  end
  return units
end

-- Counts a new active line in; its deadline and units as texts.
function held.add(field, deadline, units)
  if held.cells[field] == nil then
    local text = textOf(field)
    if not text then
      held.added[field] = '0 ' .. deadline .. ':' .. units
      return
    elseif not string.find(text, ' ' .. deadline .. ':', 1, true) then
      held.added[field] = text .. ' ' .. deadline .. ':' .. units
      return
    end
  end
  local active, at = cellOf(field).active, tonumber(deadline)
  active[at] = (active[at] or 0) + units
  held.changed[field] = true
end

-- Counts a reservation's lines in (sign 1) or out (sign -1), as far as they count in its status.
function held.count(reservation, sign)
  if reservation.customerId == nil then return end
  local active = reservation.status == 'active'
  for _, line in ipairs(reservation.lines) do
    local units = active and line.quantity or line.confirmed - line.cancelled
    if units > 0 then
      local field = held.fieldOf(line.sku, reservation.customerId)
      local cell = cellOf(field)
      if active then
        local sum = (cell.active[reservation.expiresAt] or 0) + sign * units
        cell.active[reservation.expiresAt] = sum > 0 and sum or nil
      else
        cell.confirmed = cell.confirmed + sign * units
      end
      held.changed[field] = true
    end
  end
end

function held.write()
  local kept, gone = {}, {}
  for field, text in pairs(held.added) do
    kept[#kept + 1] = field
    kept[#kept + 1] = text
  end
  for field in pairs(held.changed) do
    local cell = held.cells[field]
    local parts = { tostring(cell.confirmed) }
    for deadline, units in pairs(cell.active) do parts[#parts + 1] = deadline .. ':' .. units end
    if #parts == 1 and cell.confirmed == 0 then
      gone[#gone + 1] = field
    else
      kept[#kept + 1] = field
      kept[#kept + 1] = table.concat(parts, ' ')
    end
  end
  callMany('HSET', KEY.held, kept)
  callMany('HDEL', KEY.held, gone)
end
