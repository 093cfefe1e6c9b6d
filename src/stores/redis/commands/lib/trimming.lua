-- The beginning of the ledger (src/core/ledger-cut.ts): what was cut off, and what stands in its place. Trimming is rare:
-- what it changes is written at once. Keys, after those of lib/messages.lua:
--  25 ledger openings  hash: SKU -> what its entries up to the cut sum to, as JSON
--  26 ledger stories   hash: reservation -> what they told of it, as JSON: [[sku, quantity, reserved, allocated,
--                      confirmed, cancelled, kinds, lastAt, orderId or null]]; of those that are there, or had units then
-- In meta: cut (seq of the last entry that was cut off), cutAt (its moment), exported (seq up to which an export is kept).
-- Needs: messages
local trimming = {}
-- A script has 200 local names at most: those from here on are this file's own.
do
KEY.openings, KEY.stories = KEYS[25], KEYS[26]

-- As ONCE of src/core/audit-story.ts: kinds that happen to a line at most once.
local ONCE = { reserve = 1, confirm = 2, acknowledge = 4, release = 8, expire = 16, refund_required = 32, adopt = 64 }
local POLICY_FIELDS = {
  max_per_order = 'maxPerOrder', max_per_customer = 'maxPerCustomer', ttl_seconds = 'ttlSeconds', opens_at = 'opensAt',
  closes_at = 'closesAt',
}
-- Parts of the ledger that are read at once.
local PARTS = 16
-- Places in an entry, and in a line of a story.
local KIND, SKU, RESERVATION, ON_HAND, RESERVED, ALLOCATED, SAFETY_STOCK, DETAIL = 1, 2, 3, 4, 5, 6, 7, 8
local LINE = { quantity = 2, reserved = 3, allocated = 4, confirmed = 5, cancelled = 6, kinds = 7, lastAt = 8, orderId = 9 }

-- { seq, at, exportedThrough }
function trimming.cut()
  local meta = redis.call('HMGET', KEY.meta, 'cut', 'cutAt', 'exported')
  return { seq = tonumber(meta[1]) or 0, at = tonumber(meta[2]) or 0, exportedThrough = tonumber(meta[3]) or 0 }
end

function trimming.noteExport(through)
  redis.call('HSET', KEY.meta, 'exported', values.digits(through), 'clock', values.digits(book.now))
end

-- Entries after `seq` and up to `last`, oldest first, of a moment before `before`; at most `limit`: { seq, at, row }.
function trimming.entriesAfter(seq, last, before, limit)
  local found, reached = {}, seq
  while reached < last do
    local parts = redis.call('XRANGE', KEY.ledger, values.digits(reached + 1), '+', 'COUNT', PARTS)
    if #parts == 0 then return found end
    for _, part in ipairs(parts) do
      local fields = part[2]
      local at, rows = tonumber(fields[2]), cjson.decode(fields[6])
      if at >= before then return found end
      reached = tonumber(string.match(part[1], '^%d+'))
      for index, row in ipairs(rows) do
        local place = reached - #rows + index
        if place > last or #found == limit then return found end
        if place > seq then found[#found + 1] = { seq = place, at = at, row = row } end
      end
    end
  end
  return found
end

local function addToOpening(opening, entry)
  local row = entry.row
  opening.onHand = opening.onHand + row[ON_HAND]
  opening.reserved = opening.reserved + row[RESERVED]
  opening.allocated = opening.allocated + row[ALLOCATED]
  opening.safetyStock = opening.safetyStock + row[SAFETY_STOCK]
  opening.entries = opening.entries + 1
  opening.lastSeq = entry.seq
  if row[KIND] == 'shortfall' then opening.shortfallSeen = true end
  if row[KIND] ~= 'policy' then return end
  for column, value in pairs(values.optional(row[DETAIL]) or {}) do
    local field = POLICY_FIELDS[column]
    if field ~= nil then opening.policy[field] = values.optional(value) end
  end
end

local function openingOf(sku)
  local text = redis.call('HGET', KEY.openings, sku)
  if text then return cjson.decode(text) end
  return {
    sku = sku, onHand = 0, reserved = 0, allocated = 0, safetyStock = 0, policy = {}, shortfallSeen = false, entries = 0,
    lastSeq = 0,
  }
end

local function lineOf(lines, sku)
  for _, line in ipairs(lines) do
    if line[1] == sku then return line end
  end
  local line = { sku, 0, 0, 0, 0, 0, 0, 0, null }
  lines[#lines + 1] = line
  return line
end

local function add(line, field, more)
  local place = LINE[field]
  line[place] = line[place] + more
end

local function addToStory(line, entry)
  local row = entry.row
  local kind, detail = row[KIND], values.optional(row[DETAIL]) or {}
  line[LINE.kinds] = bit.bor(line[LINE.kinds], ONCE[kind] or 0)
  line[LINE.lastAt] = entry.at
  add(line, 'reserved', row[RESERVED])
  add(line, 'allocated', row[ALLOCATED])
  if kind == 'reserve' then add(line, 'quantity', row[RESERVED]) end
  if kind == 'confirm' then add(line, 'confirmed', row[ALLOCATED]) end
  if kind == 'cancel' then add(line, 'cancelled', detail.quantity) end
  if type(detail.order_id) == 'string' then line[LINE.orderId] = detail.order_id end
end

-- Does the story hold no units?
local function isClosed(lines)
  for _, line in ipairs(lines) do
    if line[LINE.reserved] ~= 0 or line[LINE.allocated] ~= 0 then return false end
  end
  return true
end

local function storyOf(id)
  local text = redis.call('HGET', KEY.stories, id)
  return text and cjson.decode(text) or nil
end

local function writeStories(stories, ids)
  book.fetchReservations(ids)
  local kept, gone = {}, {}
  for _, id in ipairs(ids) do
    if isClosed(stories[id]) and not book.recordOf(id) then
      gone[#gone + 1] = id
    else
      kept[#kept + 1] = id
      kept[#kept + 1] = cjson.encode(stories[id])
    end
  end
  callMany('HSET', KEY.stories, kept)
  callMany('HDEL', KEY.stories, gone)
end

-- Counts the entries into the openings and stories; returns the SKUs that they name, as keys.
local function fold(entries)
  local openings, stories, ids = {}, {}, {}
  for _, entry in ipairs(entries) do
    local sku, id = entry.row[SKU], values.optional(entry.row[RESERVATION])
    if openings[sku] == nil then openings[sku] = openingOf(sku) end
    addToOpening(openings[sku], entry)
    if id ~= nil then
      if stories[id] == nil then
        stories[id] = storyOf(id) or {}
        ids[#ids + 1] = id
      end
      addToStory(lineOf(stories[id], sku), entry)
    end
  end
  local texts = {}
  for sku, opening in pairs(openings) do
    texts[#texts + 1] = sku
    texts[#texts + 1] = cjson.encode(opening)
  end
  callMany('HSET', KEY.openings, texts)
  writeStories(stories, ids)
  return openings
end

-- Takes the parts that end at `seq` or before out of a SKU's list; the last may hold entries on both sides.
local function dropParts(key, seq)
  local first = tonumber(redis.call('LINDEX', key, 0))
  while first ~= nil and first <= seq do
    redis.call('LPOP', key)
    first = tonumber(redis.call('LINDEX', key, 0))
  end
end

-- Drops the entries, which are the ledger's first.
function trimming.cutOff(entries)
  local last = entries[#entries]
  for sku in pairs(fold(entries)) do dropParts(KEY.ledgerOf .. sku, last.seq) end
  redis.call('XTRIM', KEY.ledger, 'MINID', values.digits(last.seq + 1))
  redis.call('HSET', KEY.meta, 'cut', values.digits(last.seq), 'cutAt', values.digits(last.at), 'clock',
    values.digits(book.now))
end

-- The ledger has nothing more to prove of a reservation that is forgotten.
local forget, trimmed = book.forget, nil
function book.forget(id)
  forget(id)
  if trimmed == nil then trimmed = redis.call('HEXISTS', KEY.meta, 'cut') == 1 end
  if not trimmed then return end
  local lines = storyOf(id)
  if lines ~= nil and isClosed(lines) then redis.call('HDEL', KEY.stories, id) end
end

end
