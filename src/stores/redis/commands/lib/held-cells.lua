-- What each customer has of each SKU, in parts.
-- Needs: held
-- cells: by field, { confirmed, active: units by deadline }.
held.cells, held.changed = {}, {}

local function cellOf(field)
  local cell = held.cells[field]
  if cell == nil then
    cell = { confirmed = 0, active = {} }
    local text = held.texts[field]
    if text == nil then text = redis.call('HGET', KEY.held, field) end
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

-- What is added to a field that has a cell goes there.
local addText = held.add
function held.add(field, deadline, units)
  local cell, at = held.cells[field], tonumber(deadline)
  if cell == nil then return addText(field, deadline, units) end
  cell.active[at] = (cell.active[at] or 0) + units
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

function held.writeCells()
  local kept, gone = {}, {}
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
