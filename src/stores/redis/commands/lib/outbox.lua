-- What confirm, cancel and acknowledge write to the outbox, in the same step. Translates src/core/outbox/change.ts and
-- queue.ts.
-- Needs: messages acknowledging verbs
local outbox = {}

-- A copy of the message with these fields changed; a JSON null empties one.
outbox.with = book.with

-- The message's SKUs, each once.
function outbox.skusOf(message)
  local skus, seen = {}, {}
  for _, line in ipairs(message.lines) do
    if not seen[line.sku] then
      seen[line.sku] = true
      skus[#skus + 1] = line.sku
    end
  end
  return skus
end

local function names(message, sku)
  for _, line in ipairs(message.lines) do
    if line.sku == sku then return true end
  end
  return false
end

-- Units of the SKU by which the message is still to lower the ERP's balance.
local function owedBy(message, sku)
  if message == nil or message.state == 'delivered' then return 0 end
  local units = 0
  for _, line in ipairs(message.lines) do
    if line.sku == sku then
      if message.kind == 'sale' then
        units = units + line.quantity
      elseif line.restock then
        units = units - line.quantity
      end
    end
  end
  return units
end

local function unsettledBy(message, sku)
  return message ~= nil and messages.isUnsettled(message) and names(message, sku) and 1 or 0
end

-- Does the ERP's balance move with this, or may it have?
local function settlementChanges(before, after)
  return before ~= nil and messages.isUnsettled(before)
    or after ~= nil and (messages.isUnsettled(after) or after.state == 'delivered')
end

-- Are figures of the SKU kept here? One shard among several may tell of SKUs of others.
function outbox.counts(_) return true end

-- Is this kept, of which messages are?
function outbox.keeps(reservationId) return book.reservation(reservationId) ~= nil end

-- The figures of the SKUs that a message names, when it changes; nil: it was not there, or will not be.
function outbox.count(before, after)
  local touches = settlementChanges(before, after)
  local both = { lines = {} }
  for _, message in ipairs({ before or after, after }) do
    for _, line in ipairs(message.lines) do both.lines[#both.lines + 1] = line end
  end
  for _, sku in ipairs(outbox.skusOf(both)) do
    if outbox.counts(sku) then
      local level = messages.level(sku)
      local owed = level.owed - owedBy(before, sku) + owedBy(after, sku)
      local unsettled = level.unsettled - unsettledBy(before, sku) + unsettledBy(after, sku)
      if touches or owed ~= level.owed or unsettled ~= level.unsettled then
        local touched = touches and messages.head() or level.touched
        messages.putLevel(sku, { owed = owed, unsettled = unsettled, touched = touched })
      end
    end
  end
end

-- Puts a message's new state into the books, and with it the figures of the SKUs that it names. `before` nil: a new
-- message; `after` nil: it is forgotten. What is delivered is kept beside its reservation, and forgotten with it.
function outbox.change(before, after)
  outbox.count(before, after)
  if after ~= nil and (after.state ~= 'delivered' or outbox.keeps(after.reservationId)) then
    messages.put(after)
  elseif before ~= nil then
    messages.forget(before.id)
  end
end

local function enqueue(kind, key, reservationId, orderId, lines, reference)
  outbox.change(nil, {
    id = messages.takeNumber(), key = key, kind = kind, reservationId = reservationId, orderId = orderId, lines = lines,
    createdAt = book.now, state = 'pending', parcelId = null, attempts = 0, nextAttemptAt = book.now, unknownAt = null,
    looks = 0, memo = null, reference = reference, lastError = null,
  })
end

-- The reservation has just been confirmed, and the ERP is to hear of it.
function outbox.queueSale(reservation)
  local id, orderId, lines = reservation.id, values.orNull(reservation.orderId), {}
  for _, line in ipairs(reservation.lines) do
    if line.confirmed > 0 then
      lines[#lines + 1] = { sku = line.sku, quantity = line.confirmed, restock = false }
    end
  end
  if rules.given.messageGrouping == 'sale' then
    enqueue('sale', id, id, orderId, lines, null)
    return
  end
  for _, line in ipairs(lines) do enqueue('sale', line.sku, id, orderId, { line }, null) end
end

-- A sale that has not been sent yet goes under the order that named itself meanwhile.
function outbox.adoptOrder(reservation)
  for _, message in ipairs(messages.ofReservation(reservation.id)) do
    if message.state == 'pending' and message.attempts == 0 then
      outbox.change(message, outbox.with(message, { orderId = values.orNull(reservation.orderId) }))
    end
  end
end

-- Has the ERP certainly not heard of it?
local function isCertain(message)
  return (message.state == 'pending' or message.state == 'dead') and message.unknownAt == null
end

-- Takes the lines' units out of the message; one without lines is forgotten.
local function shrink(message, less)
  local lines = {}
  for _, line in ipairs(message.lines) do
    local taken = 0
    for _, each in ipairs(less) do
      if each.sku == line.sku and (message.kind == 'sale' or each.restock == line.restock) then
        taken = each.quantity
        break
      end
    end
    if line.quantity > taken then
      lines[#lines + 1] = { sku = line.sku, quantity = line.quantity - taken, restock = line.restock }
    end
  end
  local shrunk = outbox.with(message, { lines = lines })
  outbox.change(message, #lines > 0 and shrunk or nil)
  return shrunk
end

-- A sale that the ERP has certainly not heard of, and cancellations of it that wait behind it, cancel each other out.
function outbox.annihilate(reservationId, key)
  local all, sale = messages.ofReservation(reservationId), nil
  for _, message in ipairs(all) do
    if message.key == key and message.kind == 'sale' and message.state ~= 'delivered' then
      sale = message
      break
    end
  end
  if sale == nil or not isCertain(sale) then return end
  for _, message in ipairs(all) do
    if message.key == key and message.kind == 'cancellation' and message.state == 'pending' then
      local restocked = {}
      for _, line in ipairs(message.lines) do
        if line.restock then restocked[#restocked + 1] = line end
      end
      sale = shrink(sale, restocked)
      shrink(message, restocked)
    end
  end
end

-- A confirmed reservation of which the ERP has heard all is acknowledged; says whether it was.
function outbox.acknowledgeIfTold(reservationId)
  local reservation = book.reservation(reservationId)
  if reservation == nil or reservation.status ~= 'confirmed' then return false end
  for _, message in ipairs(messages.ofReservation(reservationId)) do
    if message.kind == 'sale' and message.state ~= 'delivered' then return false end
  end
  book.put(book.with(reservation, { status = 'acknowledged', endedAt = book.now }))
  appendAcknowledgement(reservation)
  return true
end

-- One line per SKU and `restock`, in the order in which they were first named.
local function sumCancelled(lines)
  local sums = {}
  for _, line in ipairs(lines) do
    local known = nil
    for _, sum in ipairs(sums) do
      if sum.sku == line.sku and sum.restock == line.restock then known = sum end
    end
    if known == nil then
      sums[#sums + 1] = { sku = line.sku, quantity = line.quantity, restock = line.restock }
    else
      known.quantity = known.quantity + line.quantity
    end
  end
  return sums
end

-- Units of the reservation have been cancelled (`entries`): what the ERP cannot have heard of is taken out of its
-- message, of the rest it is told. Where nothing remains to be heard of, the reservation is acknowledged.
function outbox.queueCancellation(reservationId, entries)
  for _, sale in ipairs(messages.ofReservation(reservationId)) do
    if sale.kind == 'sale' then
      local lines = {}
      for _, entry in ipairs(entries) do
        if names(sale, entry.sku) then
          lines[#lines + 1] = { sku = entry.sku, quantity = entry.detail.quantity, restock = entry.detail.restock }
        end
      end
      if #lines > 0 then
        enqueue('cancellation', sale.key, reservationId, sale.orderId, sumCancelled(lines), sale.reference)
        outbox.annihilate(reservationId, sale.key)
      end
    end
  end
  outbox.acknowledgeIfTold(reservationId)
end

-- Records in the ledger of each of its SKUs what became of a message.
function outbox.note(kind, message, detail)
  detail.message, detail.reservation_id = message.id, message.reservationId
  for _, sku in ipairs(outbox.skusOf(message)) do book.append(kind, sku, nil, 0, 0, 0, 0, detail) end
end

-- Somebody else has told the ERP: nothing is left to be sent of the sale.
function outbox.dropSale(reservationId)
  for _, message in ipairs(messages.ofReservation(reservationId)) do
    if message.kind == 'sale' and message.state ~= 'delivered' then
      messages.takeNumber()
      outbox.change(message, outbox.with(message, { state = 'delivered' }))
    end
  end
end

function outbox.listJson(list)
  local parts = {}
  for index, message in ipairs(list) do parts[index] = cjson.encode(message) end
  return values.list(parts)
end
