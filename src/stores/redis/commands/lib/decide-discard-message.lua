-- discard_message: the ERP will not be told; `units` says what becomes of a sale's units on our side.
-- Needs: dead-letters cancelling

-- What of the sale is not cancelled yet.
local function linesLeft(reservation, sale)
  local told, lines = {}, {}
  for _, line in ipairs(sale.lines) do told[line.sku] = told[line.sku] or line.quantity end
  for _, line in ipairs(reservation and reservation.lines or {}) do
    local quantity = math.min(line.confirmed - line.cancelled, told[line.sku] or 0)
    if quantity > 0 then lines[#lines + 1] = { sku = line.sku, quantity = quantity, restock = true } end
  end
  return lines
end

-- Cancels what is left of it; returns why it cannot, or nil.
local function undoSale(sale)
  local id = sale.reservationId
  local reservation = book.reservation(id)
  local lines = linesLeft(reservation, sale)
  if #lines > 0 then
    local fault, units, entries = cancelling.decide(reservation, id, lines, true, nil)
    if fault ~= nil then return fault end
    if units ~= nil then cancelling.land(reservation, units, entries, nil) end
  end
  return nil
end

function verbs.discard_message(command)
  local id, units = command.messageId, command.units
  local dead, fault = deadLetters.find(id)
  if dead ~= nil and (dead.kind == 'sale') ~= (units ~= null) then
    fault = { code = 'discard_units', messageId = id, kind = dead.kind }
  end
  if fault == nil and units == 'restock' then fault = undoSale(dead) end
  if fault ~= nil then return answers.rejected('discard_message', fault) end
  return deadLetters.answer('discard_message', deadLetters.discard(dead, command.reason, units))
end
