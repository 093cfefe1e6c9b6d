-- Reservations as the books keep them: short, because each is written once and seldom read. JSON of
-- [status, expiresAt, createdAt, [sku, quantity, confirmed, cancelled, and so on for each line], customerId, orderId,
-- endedAt, marks, cancellations, step], without what stands at the end and says nothing. marks: 1 reacquired,
-- 2 refundRequired; step: see lib/carts.lua. src/stores/redis/records.ts reads the same.
-- Needs: values
local records = {}

local REACQUIRED, REFUND_REQUIRED = 1, 2

-- Whether the record is of an active reservation with this deadline (as text) shows in its first characters.
function records.head(status, deadline)
  return '["' .. status .. '",' .. deadline .. ','
end

-- Everything after the lines, or ''.
local function rest(reservation)
  local marks = (reservation.reacquired and REACQUIRED or 0) + (reservation.refundRequired and REFUND_REQUIRED or 0)
  local cancellations, step = reservation.cancellations, reservation.step
  if step == nil and marks == 0 and cancellations[1] == nil and reservation.orderId == nil
    and reservation.endedAt == nil then
    return reservation.customerId and ',' .. values.text(reservation.customerId) or ''
  end
  local ids = {}
  for index, id in ipairs(cancellations) do ids[index] = values.text(id) end
  return ',' .. values.text(reservation.customerId) .. ',' .. values.text(reservation.orderId) .. ','
    .. (reservation.endedAt and values.digits(reservation.endedAt) or 'null') .. ',' .. marks .. ','
    .. values.list(ids) .. (step and ',' .. step or '')
end

function records.encode(reservation)
  local digits = values.digits
  local lines = {}
  for index, line in ipairs(reservation.lines) do
    lines[index] = values.text(line.sku) .. ',' .. digits(line.quantity) .. ',' .. digits(line.confirmed) .. ','
      .. digits(line.cancelled)
  end
  return records.head(reservation.status, digits(reservation.expiresAt)) .. digits(reservation.createdAt) .. ','
    .. values.list(lines) .. rest(reservation) .. ']'
end

function records.decode(id, text)
  local fields = cjson.decode(text)
  local flat, lines = fields[4], {}
  for at = 1, #flat, 4 do
    lines[#lines + 1] = {
      sku = flat[at], quantity = flat[at + 1], confirmed = flat[at + 2], cancelled = flat[at + 3],
    }
  end
  local marks = fields[8] or 0
  return {
    id = id, status = fields[1], expiresAt = fields[2], createdAt = fields[3], lines = lines,
    customerId = values.optional(fields[5]), orderId = values.optional(fields[6]), endedAt = values.optional(fields[7]),
    reacquired = marks % 2 == REACQUIRED, refundRequired = marks >= REFUND_REQUIRED, cancellations = fields[9] or {},
    step = fields[10],
  }
end
