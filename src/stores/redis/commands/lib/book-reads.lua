-- What decisions ask of the books beside levels. records: reservations by id, as text and, once somebody asks, as tables.
-- firsts: the first deadline by SKU. deadlinesOf, bulkOf: changes of the sorted sets of SKUs.
-- Needs: book book-writes records

-- What a call changes of a sorted set or a hash: the last word of each member, in the order of the first.
local function newChanges()
  return { order = {}, last = {} }
end

local function noteChange(changes, member, value)
  if changes.last[member] == nil then changes.order[#changes.order + 1] = member end
  changes.last[member] = value
end

cache.records, cache.firsts, cache.deadlinesOf, cache.bulkOf = {}, {}, {}, {}

-- Writes the texts that there are, and takes out what has none any more.
local function writeChanges(key, changes)
  local kept, gone = {}, {}
  for _, id in ipairs(changes.order) do
    local text = changes.last[id]
    if text then
      kept[#kept + 1] = id
      kept[#kept + 1] = text
    else
      gone[#gone + 1] = id
    end
  end
  callMany('HSET', key, kept)
  callMany('HDEL', key, gone)
end

-- Of a reservation that is not there; never changed.
local NO_RECORD = { text = false }

function book.fetchReservations(ids)
  for from = 1, #ids, MOST_VALUES do
    local last = math.min(from + MOST_VALUES - 1, #ids)
    local found = redis.call('HMGET', KEY.reservations, unpack(ids, from, last))
    for index = from, last do
      local id = ids[index]
      if cache.records[id] == nil then
        local text = found[index - from + 1]
        cache.records[id] = text and { text = text } or NO_RECORD
      end
    end
  end
end

local function recordOf(id)
  local record = cache.records[id]
  if record == nil then
    record = { text = redis.call('HGET', KEY.reservations, id) }
    cache.records[id] = record
  end
  return record
end

-- The reservation, never to be changed in place (see `with`), or nil.
function book.reservation(id)
  local record = recordOf(id)
  if not record.text then return nil end
  if record.value == nil then
    record.value = records.decode(id, record.text)
  end
  return record.value
end

-- The same as it is recorded, or false.
function book.recordOf(id)
  return recordOf(id).text
end

-- The same as answers tell of it, in JSON: [id, record].
function book.told(id)
  return '[' .. values.text(id) .. ',' .. recordOf(id).text .. ']'
end

-- Members of a sorted set and their scores: false for one that goes.
local function writeScores(key, changes)
  local added, removed = {}, {}
  for _, member in ipairs(changes.order) do
    local score = changes.last[member]
    if score then
      added[#added + 1] = type(score) == 'number' and values.digits(score) or score
      added[#added + 1] = member
    else
      removed[#removed + 1] = member
    end
  end
  callMany('ZADD', key, added)
  callMany('ZREM', key, removed)
end

-- Who asks a sorted set must find in it what this call has changed.
local function writeDeadlinesOf(sku)
  local level, changes, bulk = cache.levels[sku], cache.deadlinesOf[sku], cache.bulkOf[sku]
  if level and level.fresh then writeFresh(level) end
  if changes ~= nil then
    writeScores(KEY.deadlinesOf .. sku, changes)
    cache.deadlinesOf[sku] = nil
  end
  if bulk == nil then return end
  for quantity, lines in pairs(bulk) do
    redis.call('SADD', KEY.quantitiesOf .. sku, quantity)
    writeScores(KEY.bulkOf .. quantity .. ':' .. sku, lines)
  end
  cache.bulkOf[sku] = nil
end

local function idOf(member)
  return string.sub(member, 1, string.find(member, ':', 1, true) - 1)
end

-- The SKU's first deadline, lapsed or not: { at, id }, or false.
local function firstDeadline(sku)
  local first, level = cache.firsts[sku], cache.levels[sku]
  if first == nil or (level and level.fresh) then
    writeDeadlinesOf(sku)
    local found = redis.call('ZRANGE', KEY.deadlinesOf .. sku, 0, 0, 'WITHSCORES')
    first = found[1] ~= nil and { at = tonumber(found[2]), id = idOf(found[1]) }
    cache.firsts[sku] = first
  end
  return first
end

-- The active reservation naming the SKU that lapsed first, or nil.
function book.oldestDue(sku)
  local first = firstDeadline(sku)
  if not first or first.at > book.now then return nil end
  return book.reservation(first.id)
end

-- The earliest deadline to come among the SKU's active lines, or nil.
function book.nextExpiry(sku)
  local first = firstDeadline(sku)
  if not first then return nil end
  if first.at > book.now then return first.at end
  local key = KEY.deadlinesOf .. sku
  local found = redis.call('ZRANGEBYSCORE', key, '(' .. book.now, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
  return tonumber(found[2])
end

-- Units of the SKU's active lines whose deadline has passed.
function book.lapsedUnits(sku)
  local first = firstDeadline(sku)
  if not first or first.at > book.now then return 0 end
  local units = redis.call('ZCOUNT', KEY.deadlinesOf .. sku, '-inf', book.now)
  for _, quantity in ipairs(redis.call('SMEMBERS', KEY.quantitiesOf .. sku)) do
    local lines = redis.call('ZCOUNT', KEY.bulkOf .. quantity .. ':' .. sku, '-inf', book.now)
    units = units + lines * (quantity - 1)
  end
  return units
end

-- Active reservations naming the SKU that are not latched to an order, newest first (by createdAt, then id).
function book.unlatched(sku)
  writeDeadlinesOf(sku)
  local ids = {}
  for index, member in ipairs(redis.call('ZRANGE', KEY.deadlinesOf .. sku, 0, -1)) do ids[index] = idOf(member) end
  book.fetchReservations(ids)
  local found = {}
  for _, id in ipairs(ids) do
    local reservation = book.reservation(id)
    if reservation.orderId == nil then found[#found + 1] = reservation end
  end
  table.sort(found, function(a, b)
    if a.createdAt ~= b.createdAt then return a.createdAt > b.createdAt end
    return a.id > b.id
  end)
  return found
end
