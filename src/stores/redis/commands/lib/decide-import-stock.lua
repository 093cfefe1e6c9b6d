-- import_stock: many settings, all or none; with `dryRun` nothing changes and the answer tells what would. A row may have
-- a number, `row`, which is then told with what it changes.
-- Needs: stock
local IMPORT_SAMPLE = 1000

-- The level as it would stand, so that a SKU named twice is told as it would happen.
local function planned(level, sku, change)
  local after = stock.copyOf(level or stock.emptyLevel(sku))
  after.policy = change.policy
  for _, entry in ipairs(change.entries) do
    after.onHand = after.onHand + entry.onHand
    after.safetyStock = after.safetyStock + entry.safetyStock
  end
  return after
end

function verbs.import_stock(command)
  local counts = { created = 0, updated = 0, unchanged = 0 }
  local changes, plans, skus = {}, {}, {}
  for index, row in ipairs(command.rows) do skus[index] = row.sku end
  book.fetchLevels(skus)
  for _, row in ipairs(command.rows) do
    local sku = row.sku
    local level = plans[sku] or book.level(sku)
    local change = stock.decideSet(level, row, stock.lapsedOf(level))
    local effect = change == nil and 'unchanged' or change.created and 'created' or 'updated'
    counts[effect] = counts[effect] + 1
    if change ~= nil then
      local before = level and level.onHand or 0
      if #changes < IMPORT_SAMPLE then
        changes[#changes + 1] = cjson.encode({
          sku = sku, effect = effect, onHandBefore = before, onHandAfter = row.onHand or before, row = row.row,
        })
      end
      if command.dryRun then plans[sku] = planned(level, sku, change) else stock.land(sku, change) end
    end
  end
  return '{"ok":true,"type":"import_stock","created":' .. counts.created .. ',"updated":' .. counts.updated
    .. ',"unchanged":' .. counts.unchanged .. ',"changes":' .. values.list(changes) .. '}'
end
