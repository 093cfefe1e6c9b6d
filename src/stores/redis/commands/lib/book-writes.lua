-- Changes of the books: noted as they are decided, written together by `book.write`.
-- Needs: book held memory

-- A copy of the reservation with these fields changed.
function book.with(reservation, changes)
  local copy = {}
  for field, value in pairs(reservation) do copy[field] = value end
  for field, value in pairs(changes) do copy[field] = value end
  return copy
end

local function reservationJson(reservation)
  local text = values.text
  local lines, cancellations = {}, {}
  for index, line in ipairs(reservation.lines) do
    lines[index] = '{"sku":' .. text(line.sku) .. ',"quantity":' .. line.quantity
      .. ',"confirmed":' .. line.confirmed .. ',"cancelled":' .. line.cancelled .. '}'
  end
  for index, id in ipairs(reservation.cancellations) do cancellations[index] = text(id) end
  return '{"id":' .. text(reservation.id) .. ',"status":"' .. reservation.status
    .. '","lines":' .. values.list(lines) .. ',"customerId":' .. text(reservation.customerId)
    .. ',"orderId":' .. text(reservation.orderId) .. ',"createdAt":' .. reservation.createdAt
    .. ',"expiresAt":' .. reservation.expiresAt .. ',"endedAt":' .. (reservation.endedAt or 'null')
    .. ',"reacquired":' .. tostring(reservation.reacquired)
    .. ',"refundRequired":' .. tostring(reservation.refundRequired)
    .. ',"cancellations":' .. values.list(cancellations) .. '}'
end

local function noteDeadlines(reservation, deadline)
  cache.deadlines[reservation.id] = deadline
  if deadline and deadline <= book.now then cache.noneDue = false end
  for _, line in ipairs(reservation.lines) do
    local changes = cache.deadlinesOf[line.sku]
    if changes == nil then
      changes = {}
      cache.deadlinesOf[line.sku] = changes
    end
    changes[reservation.id .. ':' .. line.quantity] = deadline
    cache.firsts[line.sku] = nil
  end
end

-- May it be purged one day? What awaits acknowledgement may not.
local function hasEnded(reservation)
  return reservation.status ~= 'active' and reservation.status ~= 'confirmed'
end

-- Puts the reservation in place of what it was, if it was there; returns it as JSON.
function book.put(after)
  local before = book.reservation(after.id)
  local wasActive = before ~= nil and before.status == 'active'
  if after.status == 'active' then
    if not wasActive or before.expiresAt ~= after.expiresAt then noteDeadlines(after, after.expiresAt) end
  else
    if wasActive then noteDeadlines(before, false) end
    if hasEnded(after) then
      cache.ended[after.id] = after.endedAt
    elseif before ~= nil and hasEnded(before) then
      cache.ended[after.id] = false
    end
  end
  if before ~= nil then held.count(before, -1) end
  held.count(after, 1)
  local text = reservationJson(after)
  if before == nil then cache.created[#cache.created + 1] = after.id end
  cache.records[after.id] = { text = text, value = after }
  cache.changedRecords[after.id] = true
  return text
end

-- Ids of reservations that ended before `time`, by their end, then id; at most `limit`.
function book.endedBefore(time, limit)
  writeScores(KEY.ended, cache.ended)
  cache.ended = {}
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
  cache.changedRecords[id] = true
  cache.ended[id] = false
end

-- An entry to be: deltas in units, `detail` a table or nil.
function book.entry(kind, sku, reservationId, onHand, reserved, allocated, safetyStock, detail)
  -- + 0 makes of a -0 a 0.
  return {
    kind = kind, sku = sku, reservationId = reservationId, onHand = onHand + 0, reserved = reserved + 0,
    allocated = allocated + 0, safetyStock = safetyStock + 0, detail = detail,
  }
end

-- A level for a SKU that had none, to be filled by an entry.
function book.newLevel(sku)
  local level = {
    sku = sku, onHand = 0, reserved = 0, allocated = 0, safetyStock = 0, policy = {}, created = true,
  }
  cache.levels[sku] = level
  return level
end

-- Applies the entry to its level, which must be there.
function book.append(entry)
  local sku = entry.sku
  local level = book.level(sku)
  level.onHand = level.onHand + entry.onHand
  level.reserved = level.reserved + entry.reserved
  level.allocated = level.allocated + entry.allocated
  level.safetyStock = level.safetyStock + entry.safetyStock
  book.seq = book.seq + 1
  cache.entries[#cache.entries + 1] = entry
  local seqs = cache.changedLevels[sku]
  if seqs == nil then
    seqs = {}
    cache.changedLevels[sku] = seqs
  end
  seqs[#seqs + 1] = book.seq
end

-- One part of the stream holds so many entries at most.
local ENTRIES_PER_PART = 64

local function writeEntries()
  local text = values.text
  local first = book.seq - #cache.entries
  for from = 1, #cache.entries, ENTRIES_PER_PART do
    local last = math.min(from + ENTRIES_PER_PART - 1, #cache.entries)
    local part = {}
    for index = from, last do
      local entry = cache.entries[index]
      part[#part + 1] = '["' .. entry.kind .. '",' .. text(entry.sku) .. ',' .. text(entry.reservationId) .. ','
        .. entry.onHand .. ',' .. entry.reserved .. ',' .. entry.allocated .. ',' .. entry.safetyStock .. ','
        .. (entry.detail and cjson.encode(entry.detail) or 'null') .. ']'
    end
    redis.call('XADD', KEY.ledger, (first + last) .. '-0', 'at', book.now, 'n', #part, 'e', values.list(part))
  end
end

local function writeLevels()
  local changed, skus = {}, {}
  for sku, seqs in pairs(cache.changedLevels) do
    local level = cache.levels[sku]
    local text = string.format('%d %d %d %d', level.onHand, level.reserved, level.allocated, level.safetyStock)
    changed[#changed + 1] = sku
    changed[#changed + 1] = next(level.policy) and text .. cjson.encode(level.policy) or text
    if level.created then
      skus[#skus + 1] = 0
      skus[#skus + 1] = sku
    end
    callMany('RPUSH', KEY.ledgerOf .. sku, seqs)
  end
  callMany('HSET', KEY.levels, changed)
  callMany('ZADD', KEY.skus, skus)
end

local function writeReservations()
  local kept, gone, ids = {}, {}, {}
  for id in pairs(cache.changedRecords) do
    local text = cache.records[id].text
    if text then
      kept[#kept + 1] = id
      kept[#kept + 1] = text
    else
      gone[#gone + 1] = id
    end
  end
  for _, id in ipairs(cache.created) do
    ids[#ids + 1] = 0
    ids[#ids + 1] = id
  end
  callMany('HSET', KEY.reservations, kept)
  callMany('ZADD', KEY.ids, ids)
  callMany('HDEL', KEY.reservations, gone)
  callMany('ZREM', KEY.ids, gone)
end

-- Writes all that this call has changed; nothing if it has changed nothing.
function book.write()
  if #cache.entries == 0 and next(cache.changedRecords) == nil and #memory.fresh == 0 then return end
  if #cache.entries > 0 then
    writeEntries()
    writeLevels()
  end
  redis.call('HSET', KEY.meta, 'seq', book.seq, 'clock', book.now)
  writeReservations()
  writeDeadlines()
  for sku in pairs(cache.deadlinesOf) do writeDeadlinesOf(sku) end
  writeScores(KEY.ended, cache.ended)
  held.write()
  memory.write()
end
