-- The books of one shard during one call: what was read is remembered, what changes is gathered and written together
-- at the end (lib/book-writes.lua), so that a batch reads and writes each thing once.
-- Keys, all in one slot, in this order; the last four begin a name that a SKU ends (lib/messages.lua has more):
--   1 meta          hash: seq of the newest entry, clock (highest reading, epoch ms), purgedBefore (epoch ms), format,
--                   active (how many reservations are; without parts of carts)
--   2 levels        hash: SKU -> "on_hand reserved allocated safety_stock" and, if any, its policy as JSON
--   3 skus          sorted set: SKUs, all of score 0, so in code point order
--   4 reservations  hash: id -> what lib/records.lua says
--   5 deadlines     sorted set of cohorts by deadline, see lib/cohorts.lua
--   6 ended         sorted set: ids of those that may be purged one day, by their end
--   7 held          hash: customer and SKU -> "confirmed deadline:units ...", see lib/held.lua
--   8 answers       hash: idempotency key -> fingerprint and answer
--   9 answer order  list: "at:key" of remembered answers, oldest first
--  10 ledger        stream: id = seq of the last of its entries; at, n, e (JSON list)
--  11 deadlines of  sorted set of a SKU: "id:units" of active lines by deadline
--  12 ledger of     list of a SKU: the parts of the ledger in which it has entries, by the seq of their last
--  13 quantities of set of a SKU: quantities above 1 that lines have had
--  14 bulk of       sorted set of such a quantity and a SKU ("2:SKU"): ids of active lines by deadline, so that units
--                   are counted without reading every line
-- Needs: values records
local KEY = {
  meta = KEYS[1], levels = KEYS[2], skus = KEYS[3], reservations = KEYS[4], deadlines = KEYS[5], ended = KEYS[6],
  held = KEYS[7], answers = KEYS[8], answerOrder = KEYS[9], ledger = KEYS[10], deadlinesOf = KEYS[11],
  ledgerOf = KEYS[12], quantitiesOf = KEYS[13], bulkOf = KEYS[14],
}

-- Of all that stands in the keys; BOOKS_FORMAT of shard.ts is the same. A change that older scripts cannot read raises it.
local FORMAT = '4'
-- In its place while books are being moved in (import-books.lua).
local IMPORTING = 'importing'

-- now: the moment of every decision of this call. seq: of the newest entry, those of this call included. parts: books
-- beside these that are written with them, where the script has any: { dirty = function, write = function }.
local book = { now = 0, seq = 0, active = 0, parts = {} }

-- What a call changes of a sorted set or a hash: the last word of each member, in the order of the first.
local function newChanges()
  return { order = {}, last = {} }
end

local function noteChange(changes, member, value)
  if changes.last[member] == nil then changes.order[#changes.order + 1] = member end
  changes.last[member] = value
end

-- What this call has read or changed, and what of it is to be written. Of what is new and stays as it is: `fresh`, ids
-- and records of reservations; `freshOf`, by SKU deadlines (as text) and members of its set.
local cache = {
  levels = {}, records = {}, firsts = {}, noneDue = false, entries = {}, changedLevels = {},
  reservations = newChanges(), fresh = {}, freshOf = {}, deadlinesOf = {}, bulkOf = {}, ended = newChanges(),
}

-- Lua passes a few thousand values to a function at most; an even number keeps pairs together.
local MOST_VALUES = 2000

local function callMany(command, key, arguments)
  for from = 1, #arguments, MOST_VALUES do
    redis.call(command, key, unpack(arguments, from, math.min(from + MOST_VALUES - 1, #arguments)))
  end
end

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

-- `given`: the time instead of the server's, for tests; '' or null otherwise. The clock never runs back.
function book.open(given)
  local now = tonumber(given)
  if now == nil then
    local time = redis.call('TIME')
    now = time[1] * 1000 + math.floor(time[2] / 1000)
  end
  local meta = redis.call('HMGET', KEY.meta, 'seq', 'clock', 'purgedBefore', 'format', 'active')
  book.seq = tonumber(meta[1]) or 0
  book.now = math.max(now, tonumber(meta[2]) or 0)
  book.purgedBefore = tonumber(meta[3]) or 0
  book.format = meta[4] or FORMAT
  book.active = tonumber(meta[5]) or 0
end

-- Why nothing may be decided on these books: these scripts do not know them, or they are not whole yet. Or nil.
function book.objection()
  if book.format == FORMAT then return nil end
  return 'BOOKS in Redis have format ' .. book.format .. ', this version of Holdfast writes format ' .. FORMAT
end

-- Shared, and never changed.
local NO_POLICY = {}

local function readLevel(sku, text)
  if not text then return false end
  local onHand, reserved, allocated, safetyStock, policy = string.match(text, '^(%d+) (%d+) (%d+) (%d+)(.*)$')
  return {
    sku = sku, onHand = tonumber(onHand), reserved = tonumber(reserved), allocated = tonumber(allocated),
    safetyStock = tonumber(safetyStock), policy = policy == '' and NO_POLICY or cjson.decode(policy),
  }
end

-- The SKU's level, shared by all who ask, or nil.
function book.level(sku)
  local level = cache.levels[sku]
  if level == nil then
    level = readLevel(sku, redis.call('HGET', KEY.levels, sku))
    cache.levels[sku] = level
  end
  return level or nil
end

-- Reads what a batch is going to ask for, together.
function book.fetchLevels(skus)
  for from = 1, #skus, MOST_VALUES do
    local last = math.min(from + MOST_VALUES - 1, #skus)
    local found = redis.call('HMGET', KEY.levels, unpack(skus, from, last))
    for index = from, last do
      local sku = skus[index]
      if cache.levels[sku] == nil then cache.levels[sku] = readLevel(sku, found[index - from + 1]) end
    end
  end
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
  local fresh, changes = cache.freshOf[sku], cache.deadlinesOf[sku]
  if fresh ~= nil then
    callMany('ZADD', KEY.deadlinesOf .. sku, fresh)
    cache.freshOf[sku] = nil
  end
  if changes ~= nil then
    writeScores(KEY.deadlinesOf .. sku, changes)
    cache.deadlinesOf[sku] = nil
  end
  local bulk = cache.bulkOf[sku]
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
  local first = cache.firsts[sku]
  if first == nil then
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
