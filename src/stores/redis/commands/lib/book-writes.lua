-- Changes of the books: noted as they are decided, written together by `book.write`.
-- Needs: book cohorts held memory

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
    sku = sku, onHand = 0, reserved = 0, allocated = 0, safetyStock = 0, policy = {}, created = true,
  }
  cache.levels[sku] = level
  return level
end

-- One part of the stream holds so many entries at most.
local ENTRIES_PER_PART = 64

-- Places among the entries of this call, one for each part in which the SKU has any; till: the last of the newest part.
-- That they are there says that its level has changed.
function book.placesOf(sku)
  local places = cache.changedLevels[sku]
  if places == nil then
    places = { till = 0 }
    cache.changedLevels[sku] = places
  end
  return places
end

-- `place`: of an entry of the SKU, after `places.till`.
function book.notePlace(places, place)
  places.till = math.ceil(place / ENTRIES_PER_PART) * ENTRIES_PER_PART
  places[#places + 1] = places.till
end

-- The list of what is new in its deadlines.
function book.freshOf(sku)
  local fresh = cache.freshOf[sku] or {}
  cache.freshOf[sku], cache.firsts[sku] = fresh, nil
  return fresh
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
  cache.entries[#cache.entries + 1] = '["' .. kind .. '",' .. text(sku) .. ',' .. text(reservationId) .. ','
    .. digits(onHand) .. ',' .. digits(reserved) .. ',' .. digits(allocated) .. ',' .. digits(safetyStock) .. ','
    .. (detail and cjson.encode(detail) or 'null') .. ']'
  level.touched = book.seq
  local places, place = book.placesOf(sku), #cache.entries
  if place > places.till then book.notePlace(places, place) end
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

local function writeEntries()
  local first = book.seq - #cache.entries
  for from = 1, #cache.entries, ENTRIES_PER_PART do
    local last = math.min(from + ENTRIES_PER_PART - 1, #cache.entries)
    local part = '[' .. table.concat(cache.entries, ',', from, last) .. ']'
    redis.call('XADD', KEY.ledger, (first + last) .. '-0', 'at', book.now, 'n', last - from + 1, 'e', part)
  end
end

local function levelText(level)
  local text = string.format('%d %d %d %d', level.onHand, level.reserved, level.allocated, level.safetyStock)
  return next(level.policy) and text .. cjson.encode(level.policy) or text
end

local function writeLevels()
  local changed, skus = {}, {}
  local first = book.seq - #cache.entries
  for sku, places in pairs(cache.changedLevels) do
    local level = cache.levels[sku]
    changed[#changed + 1] = sku
    changed[#changed + 1] = levelText(level)
    if level.created then
      skus[#skus + 1] = 0
      skus[#skus + 1] = sku
    end
    for index, place in ipairs(places) do places[index] = values.digits(math.min(first + place, book.seq)) end
    callMany('RPUSH', KEY.ledgerOf .. sku, places)
  end
  callMany('HSET', KEY.levels, changed)
  callMany('ZADD', KEY.skus, skus)
end

local function writeReservations()
  callMany('HSET', KEY.reservations, cache.fresh)
  writeChanges(KEY.reservations, cache.reservations)
end

-- Has this call changed anything?
local function hasChanged()
  if #cache.entries > 0 or #cache.reservations.order > 0 or #memory.fresh > 0 then return true end
  for _, part in ipairs(book.parts) do
    if part.dirty() then return true end
  end
  return false
end

-- Writes what this call has changed beside the ledger and the levels.
function book.writeRecords()
  writeReservations()
  cohorts.write()
  for sku in pairs(cache.freshOf) do writeDeadlinesOf(sku) end
  for sku in pairs(cache.deadlinesOf) do writeDeadlinesOf(sku) end
  writeScores(KEY.ended, cache.ended)
  held.write()
  memory.write()
  for _, part in ipairs(book.parts) do
    if part.dirty() then part.write() end
  end
end

-- Writes all that this call has changed; nothing if it has changed nothing.
function book.write()
  if not hasChanged() then return end
  if #cache.entries > 0 then
    writeEntries()
    writeLevels()
  end
  redis.call('HSET', KEY.meta, 'seq', book.seq, 'clock', book.now, 'format', FORMAT, 'active',
    book.active)
  book.writeRecords()
end
