-- What a level says, as src/core/stock-level.ts derives it.
-- Needs: book-reads
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
  local digits = values.digits
  return '"sku":' .. values.text(level.sku) .. ',"onHand":' .. digits(level.onHand) .. ',"reserved":'
    .. digits(level.reserved - lapsed) .. ',"allocated":' .. digits(level.allocated) .. ',"safetyStock":'
    .. digits(level.safetyStock) .. ',"policy":' .. policyJson(level.policy)
end

function levels.recordJson(level)
  return '{' .. fieldsJson(level, 0) .. '}'
end

-- The level for who hears of a change, its fields as JSON without the braces: lapsed units count as available.
local function changedFields(level)
  local digits, lapsed = values.digits, level.reserved == 0 and 0 or book.lapsedUnits(level.sku)
  local free = levels.uncommitted(level) + lapsed
  return fieldsJson(level, lapsed) .. ',"available":' .. digits(math.max(0, free)) .. ',"shortfall":'
    .. digits(math.max(0, -free))
end

function levels.changedJson(level)
  return '{' .. changedFields(level) .. '}'
end

-- The same as callers see it.
function levels.viewJson(level)
  local nextExpiry = level.reserved > 0 and book.nextExpiry(level.sku)
  return '{' .. changedFields(level) .. ',"nextExpiryAt":' .. (nextExpiry and values.digits(nextExpiry) or 'null') .. '}'
end
