-- What a level says, as src/core/stock-level.ts derives it.
-- Needs: book
local levels = {}

-- Units that may be promised at all, never below 0.
function levels.offered(onHand, safetyStock)
  return math.max(0, onHand - safetyStock)
end

-- Units not promised to anybody; negative when more is promised than is offered.
function levels.uncommitted(level)
  return levels.offered(level.onHand, level.safetyStock) - level.reserved - level.allocated
end

-- Units that can be reserved now, never below 0.
function levels.available(level)
  return math.max(0, levels.uncommitted(level))
end

-- Units that leave the shelf of those promised, and the entry's detail where some lacked.
function levels.leaves(onHand, promised)
  local units = math.min(onHand, promised)
  return units, units < promised and { lacking = promised - units } or nil
end

local function policyJson(policy)
  local fields = {}
  for index, field in ipairs({ 'maxPerOrder', 'maxPerCustomer', 'ttlSeconds', 'opensAt', 'closesAt' }) do
    fields[index] = '"' .. field .. '":' .. (policy[field] or 'null')
  end
  return '{' .. table.concat(fields, ',') .. '}'
end

-- The level as recorded, its fields as JSON without the braces; `lapsed` units no longer count as reserved.
local function fieldsJson(level, lapsed)
  return '"sku":' .. values.text(level.sku) .. ',"onHand":' .. level.onHand .. ',"reserved":' .. level.reserved - lapsed
    .. ',"allocated":' .. level.allocated .. ',"safetyStock":' .. level.safetyStock
    .. ',"policy":' .. policyJson(level.policy)
end

function levels.recordJson(level)
  return '{' .. fieldsJson(level, 0) .. '}'
end

-- The level as callers see it: lapsed units count as available.
function levels.viewJson(level)
  local lapsed = level.reserved == 0 and 0 or book.lapsedUnits(level.sku)
  local free = levels.uncommitted(level) + lapsed
  local nextExpiry = level.reserved == 0 and 'null' or book.nextExpiry(level.sku) or 'null'
  return '{' .. fieldsJson(level, lapsed) .. ',"available":' .. math.max(0, free)
    .. ',"shortfall":' .. math.max(0, -free) .. ',"nextExpiryAt":' .. nextExpiry .. '}'
end
