-- set_stock: units on hand, safety stock and policy of a SKU, which need not be known.
-- Needs: stock

function verbs.set_stock(command)
  local level = book.level(command.sku)
  return stock.answer('set_stock', command.sku, stock.decideSet(level, command, stock.lapsedOf(level)))
end
