-- Changes of the books: noted as they are decided, written together by `book.write`.
-- Needs: book-reads book-writes held-cells due
cache.reservations, cache.ended = newChanges(), newChanges()

-- A copy of the reservation with these fields changed.
function book.with(reservation, changes)
  local copy = {}
  for field, value in pairs(reservation) do copy[field] = value end
  for field, value in pairs(changes) do copy[field] = value end
  return copy
end

-- The changes that stand under the key in the table, made if there are none.
local function changesIn(all, key)
  local changes = all[key]
  if changes == nil then
    changes = newChanges()
    all[key] = changes
  end
  return changes
end

-- Who records the lapse of an active reservation when its deadline has passed.
function book.noteDeadline(reservation)
  local ids = cohorts.at(reservation.expiresAt)
  ids[#ids + 1] = reservation.id
  if reservation.expiresAt <= book.now then cache.noneDue = false end
end

-- `more`: 1 has become active, -1 is active no more.
function book.countActive(_, more)
  book.active = book.active + more
end

-- `deadline`: false takes it out.
function book.noteBulk(sku, quantity, id, deadline)
  local bulk = cache.bulkOf[sku] or {}
  cache.bulkOf[sku] = bulk
  noteChange(changesIn(bulk, quantity), id, deadline)
end

local function noteDeadlines(reservation, deadline)
  local id = reservation.id
  for _, line in ipairs(reservation.lines) do
    local sku, quantity = line.sku, line.quantity
    noteChange(changesIn(cache.deadlinesOf, sku), id .. ':' .. values.digits(quantity), deadline)
    if quantity > 1 then book.noteBulk(sku, quantity, id, deadline) end
    cache.firsts[sku] = nil
  end
end

-- May it be purged one day? What awaits acknowledgement may not.
local function hasEnded(reservation)
  return reservation.status ~= 'active' and reservation.status ~= 'confirmed'
end

-- Puts the reservation in place of what it was, if it was there.
function book.put(after)
  local before = book.reservation(after.id)
  local wasActive = before ~= nil and before.status == 'active'
  if after.status == 'active' then
    if not wasActive or before.expiresAt ~= after.expiresAt then
      noteDeadlines(after, after.expiresAt)
      book.noteDeadline(after)
    end
    if not wasActive then book.countActive(after, 1) end
  else
    if wasActive then
      noteDeadlines(before, false)
      book.countActive(before, -1)
    end
    if hasEnded(after) then
      noteChange(cache.ended, after.id, after.endedAt)
    elseif before ~= nil and hasEnded(before) then
      noteChange(cache.ended, after.id, false)
    end
  end
  if before ~= nil then held.count(before, -1) end
  held.count(after, 1)
  local text = records.encode(after)
  cache.records[after.id] = { text = text, value = after }
  noteChange(cache.reservations, after.id, text)
end

-- Ids of reservations that ended before `time`, by their end, then id; at most `limit`.
function book.endedBefore(time, limit)
  writeScores(KEY.ended, cache.ended)
  cache.ended = newChanges()
  local ids = redis.call('ZRANGEBYSCORE', KEY.ended, '-inf', '(' .. time, 'LIMIT', 0, limit)
  book.fetchReservations(ids)
  return ids
end

-- The audit must know which reservations may be gone.
function book.notePurge(time)
  if time <= book.purgedBefore then return end
  book.purgedBefore = time
  redis.call('HSET', KEY.meta, 'purgedBefore', time)
end

-- Forgets an ended reservation.
function book.forget(id)
  local reservation = book.reservation(id)
  held.count(reservation, -1)
  cache.records[id] = { text = false }
  noteChange(cache.reservations, id, false)
  noteChange(cache.ended, id, false)
end

-- A level for a SKU that had none, to be filled by an entry.
function book.newLevel(sku)
  local level = {
    sku = sku, onHand = 0, reserved = 0, allocated = 0, safetyStock = 0, policy = {}, created = true, touched = 0,
    till = 0, places = false, fresh = false,
  }
  cache.levels[sku] = level
  return level
end

-- Records an entry in the ledger and applies it to the SKU's level, which must be there. Deltas in units; `detail`: a
-- table or nil.
function book.append(kind, sku, reservationId, onHand, reserved, allocated, safetyStock, detail)
  local level = book.level(sku)
  level.onHand = level.onHand + onHand
  level.reserved = level.reserved + reserved
  level.allocated = level.allocated + allocated
  level.safetyStock = level.safetyStock + safetyStock
  book.seq = book.seq + 1
  local text, digits = values.text, values.digits
  local entries = cache.entries
  local count = #entries
  entries[count + 1] = ',["' .. kind .. '",' .. text(sku) .. ','
  entries[count + 2] = text(reservationId)
  entries[count + 3] = ',' .. digits(onHand) .. ',' .. digits(reserved) .. ',' .. digits(allocated) .. ','
    .. digits(safetyStock) .. ',' .. (detail and cjson.encode(detail) or 'null') .. ']'
  level.touched = book.seq
  local place = count / TEXTS_PER_ENTRY + 1
  if place > level.till then book.notePlace(level, place) end
end

-- An entry to be, for who must weigh it before it is recorded.
function book.draft(kind, sku, reservationId, onHand, allocated, safetyStock, detail)
  return {
    kind = kind, sku = sku, reservationId = reservationId, onHand = onHand, allocated = allocated,
    safetyStock = safetyStock, detail = detail,
  }
end

function book.appendDraft(draft)
  book.append(draft.kind, draft.sku, draft.reservationId, draft.onHand, 0, draft.allocated, draft.safetyStock,
    draft.detail)
end

local changes = {}

function changes.dirty()
  return #cache.reservations.order > 0 or next(held.changed) ~= nil
end

function changes.write()
  writeChanges(KEY.reservations, cache.reservations)
  for sku in pairs(cache.deadlinesOf) do writeDeadlinesOf(sku) end
  writeScores(KEY.ended, cache.ended)
  held.writeCells()
end

book.parts[#book.parts + 1] = changes
