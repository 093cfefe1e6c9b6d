-- The books of one shard during one call: what was read is remembered, what changes is gathered and written together
-- at the end (lib/book-writes.lua), so that a batch reads and writes each thing once. What a plain reserve needs stands
-- here, the rest in lib/book-reads.lua and lib/book-changes.lua: a script is run from its first line, so that each function
-- and table is made anew in every call.
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
-- Needs: values
local KEY = {
  meta = KEYS[1], levels = KEYS[2], skus = KEYS[3], reservations = KEYS[4], deadlines = KEYS[5], ended = KEYS[6],
  held = KEYS[7], answers = KEYS[8], answerOrder = KEYS[9], ledger = KEYS[10], deadlinesOf = KEYS[11],
  ledgerOf = KEYS[12], quantitiesOf = KEYS[13], bulkOf = KEYS[14],
}

-- Of all that stands in the keys; BOOKS_FORMAT of shard.ts is the same. A change that older scripts cannot read raises it.
local FORMAT = '4'
-- In its place while books are being moved in (import-books.lua).
local IMPORTING = 'importing'

-- A cart's lines of one SKU are one line, which is no longer than any may be.
local MAX_QUANTITY = 1000000

-- now: the moment of every decision of this call. seq: of the newest entry, those of this call included. active: how many
-- reservations are. parts: books beside these that are written with them, where the script has any: { dirty = function,
-- write = function }.
local book = {
  now = 0, seq = 0, active = 0, purgedBefore = 0, format = FORMAT, parts = {}, open = false, objection = false,
  level = false, fetchLevels = false, notePlace = false, writeRecords = false, write = false,
}

-- What this call has read or changed, and what of it is to be written. levels: by SKU, false where there is none. entries:
-- of the ledger, three texts for each: a comma and what stands before its reservation, that as JSON, and the rest. changed:
-- the levels that have changed. fresh: ids and records of reservations that are new. noneDue: nothing has lapsed that is
-- not recorded. written: SKUs and texts of the levels that have changed, once they are written.
--
-- A level: { sku, onHand, reserved, allocated, safetyStock, policy, created }. If it has changed, touched: seq of its newest
-- entry; places: among the entries of this call, the ends of the parts in which it has any; till: the last of them. Where
-- reservations are new, fresh: deadlines (as text) and members of its set, freshCount: how many values these are; bulk: the
-- same by quantity, without units. json: the SKU, once it was needed.
local cache = { levels = {}, entries = {}, changed = {}, fresh = {}, noneDue = false, written = false }

-- Lua passes a few thousand values to a function at most; an even number keeps pairs together.
local MOST_VALUES = 2000

local function callMany(command, key, arguments)
  local count = #arguments
  if count > 0 and count <= MOST_VALUES then return redis.call(command, key, unpack(arguments)) end
  for from = 1, count, MOST_VALUES do
    redis.call(command, key, unpack(arguments, from, math.min(from + MOST_VALUES - 1, count)))
  end
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
    safetyStock = tonumber(safetyStock), policy = policy == '' and NO_POLICY or cjson.decode(policy), touched = 0,
    till = 0, places = false, fresh = false, freshCount = 0, json = false,
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
