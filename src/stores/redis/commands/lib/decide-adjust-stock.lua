-- adjust_stock: units found or lost, and why.
-- Needs: stock
local MAX_ON_HAND = 2147483647

function verbs.adjust_stock(command)
  local sku, delta = command.sku, command.delta
  local level = book.level(sku)
  if level == nil then return answers.rejected('adjust_stock', { code = 'unknown_sku', skus = { sku } }) end
  local onHand = level.onHand + delta
  if onHand < 0 or onHand > MAX_ON_HAND then
    return answers.rejected('adjust_stock', { code = 'stock_out_of_range', sku = sku, onHand = onHand })
  end
  local change = stock.decideAdjust(level, delta, command.reason, stock.lapsedOf(level))
  return stock.answer('adjust_stock', sku, change)
end
