-- Undoing what was confirmed, whole or per line. Translates src/core/decide/cancel.ts.
-- Needs: verbs
local cancelling = {}
local MAX_STOCK = 2147483647

local function alreadyCancelled(reservation, cancellationId, lines)
  for _, id in ipairs(reservation.cancellations) do
    if id == cancellationId then return true end
  end
  return reservation.status == 'cancelled' and lines == nil
end

local function remaining(reservation, restock)
  local lines = {}
  for _, line in ipairs(reservation.lines) do
    local quantity = line.confirmed - line.cancelled
    if quantity > 0 then lines[#lines + 1] = { sku = line.sku, quantity = quantity, restock = restock } end
  end
  return lines
end

-- Units to cancel by SKU, or the fault of the first line that names too many, or what was not reserved.
local function cancelledUnits(reservation, wanted)
  local units, bySku = {}, {}
  for _, line in ipairs(wanted) do units[line.sku] = (units[line.sku] or 0) + line.quantity end
  for _, line in ipairs(reservation.lines) do bySku[line.sku] = line end
  for _, ask in ipairs(wanted) do
    local line = bySku[ask.sku]
    if line == nil then
      return nil, { code = 'line_not_reserved', reservationId = reservation.id, sku = ask.sku }
    end
    if units[ask.sku] > line.confirmed - line.cancelled then
      return nil, {
        code = 'quantity_exceeds_confirmed', reservationId = reservation.id, sku = ask.sku,
        confirmed = line.confirmed, cancelled = line.cancelled, requested = units[ask.sku],
      }
    end
  end
  return units, nil
end

-- Before the ERP has deducted, the units are still on hand: restocking frees the promise, not restocking removes them
-- too. Afterwards they are gone from the shelf: restocking puts them back, not restocking changes nothing.
local function cancelEntries(reservation, wanted)
  local entries, taken = {}, {}
  for index, line in ipairs(wanted) do
    local sku, quantity = line.sku, line.quantity
    local detail = { quantity = quantity, restock = line.restock }
    local onHand, allocated = 0, 0
    if reservation.status == 'acknowledged' then
      onHand = line.restock and quantity or 0
    else
      allocated = -quantity
      if not line.restock then
        local gone, lacking = levels.leaves(book.level(sku).onHand - (taken[sku] or 0), quantity)
        taken[sku] = (taken[sku] or 0) + gone
        onHand = -gone
        detail.lacking = lacking and lacking.lacking
      end
    end
    entries[index] = book.draft('cancel', sku, reservation.id, onHand, allocated, 0, detail)
  end
  return entries
end

-- Units put back on a shelf that the ERP has meanwhile filled to the brim of what can be counted.
local function shelfFault(entries)
  local onHand = {}
  for _, entry in ipairs(entries) do
    onHand[entry.sku] = (onHand[entry.sku] or book.level(entry.sku).onHand) + entry.onHand
  end
  for _, entry in ipairs(entries) do
    if onHand[entry.sku] > MAX_STOCK then
      return { code = 'stock_out_of_range', sku = entry.sku, onHand = onHand[entry.sku] }
    end
  end
  return nil
end

-- Weighs it: a rejection, or nil; then the units by SKU and the entries, or nothing where it is done already. `lines`
-- nil: all that remains.
function cancelling.decide(reservation, id, lines, restock, cancellationId)
  if reservation == nil then return { code = 'reservation_not_found', reservationId = id } end
  local status = reservation.status
  if alreadyCancelled(reservation, cancellationId, lines) then return nil end
  if status == 'cancelled' then return { code = 'reservation_cancelled', reservationId = id } end
  if status ~= 'confirmed' and status ~= 'acknowledged' then
    return { code = 'not_confirmed', reservationId = id, status = status }
  end
  local wanted = lines or remaining(reservation, restock)
  local units, fault = cancelledUnits(reservation, wanted)
  if fault ~= nil then return fault end
  local entries = cancelEntries(reservation, wanted)
  return shelfFault(entries), units, entries
end

-- Makes it true.
function cancelling.land(reservation, units, entries, cancellationId)
  local lines, whole, cancellations = {}, true, {}
  for index, line in ipairs(reservation.lines) do
    local cancelled = line.cancelled + (units[line.sku] or 0)
    lines[index] = { sku = line.sku, quantity = line.quantity, confirmed = line.confirmed, cancelled = cancelled }
    whole = whole and cancelled == line.confirmed
  end
  for index, id in ipairs(reservation.cancellations) do cancellations[index] = id end
  cancellations[#cancellations + 1] = cancellationId
  book.put(book.with(reservation, {
    lines = lines, status = whole and 'cancelled' or reservation.status, endedAt = book.now,
    cancellations = cancellations,
  }))
  for _, entry in ipairs(entries) do book.appendDraft(entry) end
end
