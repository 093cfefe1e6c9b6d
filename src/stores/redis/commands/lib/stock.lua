-- What the ERP or an operator says of one SKU. Translates src/core/decide/stock.ts and execute-stock.ts.
-- Needs: verbs
local stock = {}

local POLICY_COLUMNS = {
  maxPerOrder = 'max_per_order', maxPerCustomer = 'max_per_customer', ttlSeconds = 'ttl_seconds',
  opensAt = 'opens_at', closesAt = 'closes_at',
}

-- A level that is to be planned with, not landed.
function stock.copyOf(level)
  local copy = {}
  for field, value in pairs(level) do copy[field] = value end
  return copy
end

function stock.emptyLevel(sku)
  return { sku = sku, onHand = 0, reserved = 0, allocated = 0, safetyStock = 0, policy = {} }
end

-- Units of the level that have lapsed, as the decision must know them.
function stock.lapsedOf(level)
  return (level == nil or level.reserved == 0) and 0 or book.lapsedUnits(level.sku)
end

-- The policy with the fields that the setting names, a JSON null clearing one; then what changed, or nil.
local function mergedPolicy(before, asked)
  local policy, changed = {}, nil
  for field, value in pairs(before) do policy[field] = value end
  for field, value in pairs(asked or {}) do
    value = values.optional(value)
    if value ~= before[field] then
      changed = changed or {}
      changed[POLICY_COLUMNS[field]] = values.orNull(value)
      policy[field] = value
    end
  end
  return policy, changed
end

-- A shortfall that a change of `delta` units opens or deepens is recorded beside it.
function stock.addShortfall(entries, level, delta, lapsed)
  local promised = level.reserved - lapsed + level.allocated
  local before = math.max(0, promised - levels.offered(level.onHand, level.safetyStock))
  local after = math.max(0, promised - levels.offered(level.onHand + delta, level.safetyStock))
  if after > before then
    entries[#entries + 1] = book.draft('shortfall', level.sku, nil, 0, 0, 0, { units = after })
  end
end

-- { policy, entries, created }, or nil where the setting changes nothing. `level`: nil for a SKU not known.
function stock.decideSet(level, setting, lapsed)
  local sku = setting.sku
  local before = level or stock.emptyLevel(sku)
  local policy, changed = mergedPolicy(before.policy, setting.policy)
  local onHand = (setting.onHand or before.onHand) - before.onHand
  local safetyStock = (setting.safetyStock or before.safetyStock) - before.safetyStock
  local entries = {}
  if level == nil or onHand ~= 0 then entries[1] = book.draft('set', sku, nil, onHand, 0, 0, nil) end
  if safetyStock ~= 0 or changed ~= nil then
    entries[#entries + 1] = book.draft('policy', sku, nil, 0, 0, safetyStock, changed)
  end
  if #entries == 0 then return nil end
  stock.addShortfall(entries, before, onHand - safetyStock, lapsed)
  return { policy = policy, entries = entries, created = level == nil }
end

function stock.decideAdjust(level, delta, reason, lapsed)
  local entries = { book.draft('adjust', level.sku, nil, delta, 0, 0, { reason = reason }) }
  stock.addShortfall(entries, level, delta, lapsed)
  return { policy = level.policy, entries = entries, created = false }
end

-- What has lapsed no longer counts as promised. Of the rest, and only if the rules say so, unlatched reservations are
-- released, newest first. Returns the ids of those released, as JSON.
local function settleShortfall(sku)
  local released, newest = {}, nil
  local level = book.level(sku)
  while levels.uncommitted(level) < 0 do
    local due = book.oldestDue(sku)
    if due ~= nil then
      lapse.record(due)
    else
      if rules.given.onShortfall == 'keep' then break end
      newest = newest or book.unlatched(sku)
      local reservation = newest[#released + 1]
      if reservation == nil then break end
      lapse.giveBack(reservation, 'release', 'released')
      released[#released + 1] = values.text(reservation.id)
    end
  end
  return released
end

-- Makes the change true, if there is one; returns the ids of reservations released, as JSON.
function stock.land(sku, change)
  if change == nil then return {} end
  local level = book.level(sku) or book.newLevel(sku)
  level.policy = change.policy
  for _, entry in ipairs(change.entries) do book.appendDraft(entry) end
  return settleShortfall(sku)
end

function stock.answer(verb, sku, change)
  local released = stock.land(sku, change)
  local level = book.level(sku) or stock.emptyLevel(sku)
  return '{"ok":true,"type":"' .. verb .. '","created":' .. tostring(change ~= nil and change.created)
    .. ',"level":' .. levels.viewJson(level) .. ',"released":' .. values.list(released) .. '}'
end
