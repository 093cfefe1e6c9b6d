-- The outbox of one shard during one call (src/core/outbox/outbox-book.ts), remembered and written as lib/book.lua does.
-- A message is a table with the fields of src/core/outbox/message.ts, a JSON null where there is nothing; it is never
-- changed in place. Keys, after those of lib/book.lua; the last two begin a name that a state or a message key ends:
--  15 messages       hash: id -> JSON
--  16 messages of    hash: reservation -> ids of its messages, rising, "3 17"
--  17 outbox levels  hash: SKU -> "owed unsettled touched"
--  18 parcels        hash: parcel -> ids of its messages that are unsettled
--  19 busy keys      hash: message key -> how many of its messages are unsettled
--  20 due heads      sorted set: message keys by the id of their first message that may be claimed, where it is due
--  21 later heads    sorted set: all other keys with a pending message, by when the first is due; infinite where they
--                    wait for something else
--  22 outbox log     stream: what recent calls have changed, by the outbox's revision: m (ids), s (SKUs as JSON), c (carts
--                    of which shares have changed, as JSON; see lib/shares.lua)
--  23 messages in    sorted set of a state: ids by id
--  24 queue of       sorted set of a message key: ids of its pending messages by id
-- Needs: book-changes
local messages = {}
local NO_MESSAGE = { state = 'none' }

-- What this call has read or changed; `opened`: has it looked at all?
local box = {
  head = 0, revision = 0, opened = false, dirty = false, found = {}, changed = newChanges(), states = {}, queues = {},
  touchedKeys = {}, levels = {}, changedLevels = {}, changedShares = {},
}

for index, name in ipairs({
  'messages', 'messagesOf', 'outboxLevels', 'parcels', 'busyKeys', 'dueHeads', 'laterHeads', 'outboxLog', 'messagesIn',
  'queueOf',
}) do
  KEY[name] = KEYS[14 + index]
end

local function openOutbox()
  if box.opened then return end
  box.opened = true
  local meta = redis.call('HMGET', KEY.meta, 'outbox', 'outboxRevision')
  box.head, box.revision = tonumber(meta[1]) or 0, tonumber(meta[2]) or 0
end

-- The latest number taken; messages, claims and settlements share one that rises. 0: there has never been a message.
function messages.head()
  openOutbox()
  return box.head
end

-- The number that follows this one. Those of one shard among several are told apart by their remainder.
function messages.numberAfter(number) return number + 1 end

function messages.takeNumber()
  openOutbox()
  box.head = messages.numberAfter(box.head)
  box.dirty = true
  return box.head
end

-- What is written from now on gets a higher number than this.
function messages.raise(number)
  if messages.head() >= number then return end
  box.head, box.dirty = number, true
end

-- Lists of ids in the fields of a hash.
local function newLists(key)
  return { key = key, found = {}, changed = {} }
end

local function listOf(lists, field)
  local list = lists.found[field]
  if list == nil then
    list = {}
    local text = redis.call('HGET', lists.key, field)
    if text then
      for id in string.gmatch(text, '%d+') do list[#list + 1] = tonumber(id) end
    end
    lists.found[field] = list
  end
  return list
end

local function addToList(lists, field, id)
  local list = listOf(lists, field)
  local at = #list + 1
  while at > 1 and list[at - 1] > id do at = at - 1 end
  table.insert(list, at, id)
  lists.changed[field] = true
end

local function dropFromList(lists, field, id)
  local list = listOf(lists, field)
  for at, each in ipairs(list) do
    if each == id then table.remove(list, at) break end
  end
  lists.changed[field] = true
end

local function writeLists(lists)
  local kept, gone = {}, {}
  for field in pairs(lists.changed) do
    local list = lists.found[field]
    if #list == 0 then
      gone[#gone + 1] = field
    else
      kept[#kept + 1] = field
      kept[#kept + 1] = table.concat(list, ' ')
    end
  end
  callMany('HSET', lists.key, kept)
  callMany('HDEL', lists.key, gone)
  lists.changed = {}
end

box.ofReservation, box.parcels = newLists(KEY.messagesOf), newLists(KEY.parcels)

-- How many messages of the key are unsettled.
box.busy, box.changedBusy = {}, {}

local function busyOf(key)
  local count = box.busy[key]
  if count == nil then
    count = tonumber(redis.call('HGET', KEY.busyKeys, key) or 0)
    box.busy[key] = count
  end
  return count
end

local function addBusy(key, units)
  box.busy[key] = busyOf(key) + units
  box.changedBusy[key] = true
end

local function fetchMessages(ids)
  local missing = {}
  for _, id in ipairs(ids) do
    if box.found[id] == nil then missing[#missing + 1] = id end
  end
  for from = 1, #missing, MOST_VALUES do
    local last = math.min(from + MOST_VALUES - 1, #missing)
    local texts = redis.call('HMGET', KEY.messages, unpack(missing, from, last))
    for index = from, last do
      local text = texts[index - from + 1]
      box.found[missing[index]] = text and cjson.decode(text) or NO_MESSAGE
    end
  end
end

local function messagesWith(ids)
  fetchMessages(ids)
  local list = {}
  for index, id in ipairs(ids) do list[index] = box.found[id] end
  return list
end

-- The message, or nil.
function messages.find(id)
  fetchMessages({ id })
  local message = box.found[id]
  return message ~= NO_MESSAGE and message or nil
end

-- A reservation's messages by id, delivered ones included.
function messages.ofReservation(reservationId)
  if messages.head() == 0 then return {} end
  return messagesWith(listOf(box.ofReservation, reservationId))
end

-- The messages of a claim that are in flight or unknown, by id.
function messages.ofParcel(parcelId)
  if messages.head() == 0 then return {} end
  return messagesWith(listOf(box.parcels, values.digits(parcelId)))
end

function messages.isUnsettled(message)
  return message.state == 'in_flight' or message.state == 'unknown'
end

local function noteIndexes(id, before, after)
  local key = (after or before).key
  local was, is = before and before.state, after and after.state
  box.touchedKeys[key] = true
  if was ~= is then
    if was then noteChange(changesIn(box.states, was), id, false) end
    if is then noteChange(changesIn(box.states, is), id, id) end
  end
  if (was == 'pending') ~= (is == 'pending') then
    noteChange(changesIn(box.queues, key), id, is == 'pending' and id)
  end
  local wasBusy = before ~= nil and messages.isUnsettled(before)
  local isBusy = after ~= nil and messages.isUnsettled(after)
  if wasBusy == isBusy then return end
  addBusy(key, isBusy and 1 or -1)
  local change = isBusy and addToList or dropFromList
  change(box.parcels, values.digits((isBusy and after or before).parcelId), id)
end

-- Puts the message in place of what it was, if it was there.
function messages.put(message)
  local id = message.id
  local before = messages.find(id)
  if before == nil then addToList(box.ofReservation, message.reservationId, id) end
  noteIndexes(id, before, message)
  box.found[id] = message
  box.dirty = true
  noteChange(box.changed, id, cjson.encode(message))
end

function messages.forget(id)
  local before = messages.find(id)
  if before == nil then return end
  dropFromList(box.ofReservation, before.reservationId, id)
  noteIndexes(id, before, nil)
  box.found[id] = NO_MESSAGE
  box.dirty = true
  noteChange(box.changed, id, false)
end

-- { owed, unsettled, touched } of the SKU; zeros where the outbox never named it.
function messages.level(sku)
  local level = box.levels[sku]
  if level == nil then
    local text = messages.head() > 0 and redis.call('HGET', KEY.outboxLevels, sku) or '0 0 0'
    local owed, unsettled, touched = string.match(text, '^(%-?%d+) (%d+) (%d+)$')
    level = { owed = tonumber(owed), unsettled = tonumber(unsettled), touched = tonumber(touched) }
    box.levels[sku] = level
  end
  return level
end

function messages.noteShares(reservationId)
  box.changedShares[#box.changedShares + 1] = values.text(reservationId)
  box.dirty = true
end

function messages.putLevel(sku, level)
  box.levels[sku] = level
  box.changedLevels[sku] = true
  box.dirty = true
end

local function flushQueue(key)
  local changes = box.queues[key]
  if changes == nil then return end
  writeScores(KEY.queueOf .. key, changes)
  box.queues[key] = nil
end

local function flushState(state)
  local changes = box.states[state]
  if changes == nil then return end
  writeScores(KEY.messagesIn .. state, changes)
  box.states[state] = nil
end

-- Every message in flight, by id.
function messages.inFlight()
  flushState('in_flight')
  local ids = redis.call('ZRANGE', KEY.messagesIn .. 'in_flight', 0, -1)
  for index, id in ipairs(ids) do ids[index] = tonumber(id) end
  return messagesWith(ids)
end

-- A cancellation waits while the sale before it lies dead: whether there is anything to cancel, a person decides.
local function waitsForSale(message)
  if message.kind == 'sale' then return false end
  for _, other in ipairs(messages.ofReservation(message.reservationId)) do
    if other.state == 'dead' and other.key == message.key and other.id < message.id then return true end
  end
  return false
end

-- The key's messages that may be claimed one after the other, due or not, by id.
function messages.pendingOfKey(key, limit)
  flushQueue(key)
  local found = {}
  for from = 0, math.huge, limit do
    local ids = redis.call('ZRANGE', KEY.queueOf .. key, from, from + limit - 1)
    for index, id in ipairs(ids) do ids[index] = tonumber(id) end
    for _, message in ipairs(messagesWith(ids)) do
      if #found < limit and not waitsForSale(message) then found[#found + 1] = message end
    end
    if #found == limit or #ids < limit then return found end
  end
end

-- Puts each key that this call has touched where its first message belongs.
local function settleHeads()
  local due, later = newChanges(), newChanges()
  for key in pairs(box.touchedKeys) do
    local head = messages.pendingOfKey(key, 1)[1]
    local free = head ~= nil and busyOf(key) == 0
    local isDue = free and head.nextAttemptAt <= book.now
    noteChange(due, key, isDue and head.id)
    local waits = not isDue and redis.call('EXISTS', KEY.queueOf .. key) == 1
    noteChange(later, key, waits and (free and head.nextAttemptAt or '+inf'))
  end
  writeScores(KEY.dueHeads, due)
  writeScores(KEY.laterHeads, later)
  box.touchedKeys = {}
end

-- Of each key of which nothing is unsettled, the first message that may be claimed, where it is due; by id.
function messages.dueHeads(limit)
  settleHeads()
  local keys = redis.call('ZRANGEBYSCORE', KEY.laterHeads, '-inf', book.now)
  if #keys > 0 then
    -- What is due once stays due, on the clock that this call records.
    for _, key in ipairs(keys) do box.touchedKeys[key] = true end
    box.dirty = true
    settleHeads()
  end
  local heads = redis.call('ZRANGE', KEY.dueHeads, 0, limit - 1)
  for index, key in ipairs(heads) do heads[index] = messages.pendingOfKey(key, 1)[1] end
  return heads
end

-- So many calls are remembered, for audits that read page by page meanwhile.
local LOG_LENGTH = 20000

local function writeOutboxLog()
  local skus = {}
  for sku in pairs(box.changedLevels) do skus[#skus + 1] = values.text(sku) end
  box.revision = box.revision + 1
  redis.call('XADD', KEY.outboxLog, 'MAXLEN', '~', LOG_LENGTH, box.revision .. '-0',
    'm', table.concat(box.changed.order, ' '), 's', values.list(skus), 'c', values.list(box.changedShares))
end

local function writeOutboxLevels()
  local kept = {}
  for sku in pairs(box.changedLevels) do
    local level = box.levels[sku]
    kept[#kept + 1] = sku
    kept[#kept + 1] = string.format('%d %d %d', level.owed, level.unsettled, level.touched)
  end
  callMany('HSET', KEY.outboxLevels, kept)
end

local function writeBusy()
  local kept, gone = {}, {}
  for key in pairs(box.changedBusy) do
    if box.busy[key] == 0 then
      gone[#gone + 1] = key
    else
      kept[#kept + 1] = key
      kept[#kept + 1] = box.busy[key]
    end
  end
  callMany('HSET', KEY.busyKeys, kept)
  callMany('HDEL', KEY.busyKeys, gone)
end

function messages.dirty()
  return box.dirty
end

function messages.write()
  openOutbox()
  settleHeads()
  for state in pairs(box.states) do flushState(state) end
  writeChanges(KEY.messages, box.changed)
  writeLists(box.ofReservation)
  writeLists(box.parcels)
  writeOutboxLevels()
  writeBusy()
  writeOutboxLog()
  redis.call('HSET', KEY.meta, 'outbox', box.head, 'outboxRevision', box.revision)
end

book.parts[#book.parts + 1] = messages
