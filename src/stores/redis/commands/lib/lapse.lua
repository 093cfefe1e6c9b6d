-- What has lapsed: the deadline decides, and recording it is only tidying (docs/adr/0004-expiry-on-demand.md).
-- Needs: book-changes levels
local lapse = { recorded = {} }

-- Gives every reserved unit of an active reservation back; returns it as it stands then.
function lapse.giveBack(reservation, kind, status)
  local after = book.with(reservation, { status = status, endedAt = book.now })
  book.put(after)
  for _, line in ipairs(reservation.lines) do
    book.append(kind, line.sku, reservation.id, 0, -line.quantity, 0, 0, nil)
  end
  return after
end

function lapse.record(reservation)
  lapse.recorded[#lapse.recorded + 1] =
    '{"reservationId":' .. values.text(reservation.id) .. ',"expiresAt":' .. reservation.expiresAt .. '}'
  return lapse.giveBack(reservation, 'expire', 'expired')
end

-- The reservation, its lapse recorded if its deadline has passed, or nil.
function lapse.settled(id)
  local reservation = book.reservation(id)
  if reservation == nil or reservation.status ~= 'active' or book.now < reservation.expiresAt then return reservation end
  return lapse.record(reservation)
end

-- Records at most `limit` lapses, oldest first; returns the reservations as they stand then.
function lapse.sweep(limit)
  if cache.noneDue then return {} end
  local expired, all = cohorts.due(limit)
  for index, reservation in ipairs(expired) do expired[index] = lapse.record(reservation) end
  cohorts.dropSpent()
  -- No deadline that this call sets has passed already.
  cache.noneDue = all
  return expired
end

-- Lapses that a command records in passing.
local IN_PASSING = 64

function lapse.sweepInPassing()
  if not cache.noneDue then lapse.sweep(IN_PASSING) end
end

-- Where a wanted SKU is short, records its lapses until it is not, or none is left.
function lapse.makeRoom(lines)
  for _, line in ipairs(lines) do
    local level = book.level(line.sku)
    while level ~= nil and level.reserved > 0 and levels.available(level) < line.quantity do
      local due = book.oldestDue(line.sku)
      if due == nil then break end
      lapse.record(due)
    end
  end
end

-- Sums lines of one SKU, in the order in which SKUs were first named.
function lapse.sumLines(lines)
  if #lines == 1 then return lines end
  local sums, bySku = {}, {}
  for _, line in ipairs(lines) do
    local sum = bySku[line.sku]
    if sum == nil then
      sum = { sku = line.sku, quantity = 0 }
      bySku[line.sku] = sum
      sums[#sums + 1] = sum
    end
    sum.quantity = sum.quantity + line.quantity
  end
  return sums
end
