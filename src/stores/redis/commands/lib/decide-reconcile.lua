-- reconcile: what a balance of the ERP says of our books. Translates src/core/decide/reconcile.ts and
-- execute-reconcile.ts.
-- Needs: messages stock
local MOST_ON_HAND = 2147483647

-- The drift, and the change that would make the books agree, or nil. `before`: the level, or an empty one.
local function decideReconcile(before, known, owed, command, lapsed)
  local meant = math.min(MOST_ON_HAND, math.max(0, command.erpOnHand + before.allocated - owed))
  local units = meant - before.onHand
  local drift = {
    sku = before.sku, erpOnHand = command.erpOnHand, onHand = before.onHand, expected = meant, units = units,
    reserved = before.reserved - lapsed, allocated = before.allocated, owed = owed, known = known,
  }
  if units == 0 and known then return drift, nil end
  local detail = { erp_on_hand = command.erpOnHand, owed = owed, cause = command.cause }
  local entries = { book.draft('reconcile', before.sku, nil, units, 0, 0, detail) }
  stock.addShortfall(entries, before, units, lapsed)
  return drift, { policy = before.policy, entries = entries, created = not known }
end

function verbs.reconcile(command)
  local sku = command.sku
  local outboxLevel = messages.level(sku)
  if outboxLevel.unsettled > 0 or outboxLevel.touched > command.fence then
    return answers.rejected('reconcile', { code = 'balance_outdated', sku = sku })
  end
  local level = book.level(sku)
  local before = level or stock.emptyLevel(sku)
  local drift, change = decideReconcile(before, level ~= nil, outboxLevel.owed, command, stock.lapsedOf(level))
  local corrected = command.fix and change ~= nil
  local released = corrected and stock.land(sku, change) or {}
  return '{"ok":true,"type":"reconcile","drift":' .. cjson.encode(drift) .. ',"corrected":' .. tostring(corrected)
    .. ',"released":' .. values.list(released) .. '}'
end
