-- Carts whose lines are kept by several shards (docs/adr/0017-carts-over-shards.md). The cart itself, with every line, is
-- kept by the shard of its id, its home. Each shard that keeps lines of it has a part: a reservation of these lines alone,
-- with a step that counts the changes of the cart that it has heard of; 0: taken, and not decided yet.
-- Keys, after all others of the shard:
--   told            sorted set: ids of carts of which nothing is to be told to the ERP here any more, by the moment of
--                   that; their home has to find out whether that is so everywhere
--   untold          hash at home: id of a cart whose shares may be behind (lib/shares.lua) -> JSON { n, skus, notes }:
--                   number of the last change; SKUs of other shards; what is to stand in the ledgers of these:
--                   [n, kind, SKUs, detail]
--   shares          hash: id of a cart -> JSON { v, messages }: the number under which they were told last, and what of
--                   the cart's messages is not delivered: [{ id, kind, state, lines }], with the lines of this shard
--   carts           hash at home: id -> version, blank, JSON (opaque here)
--   cart deadlines  sorted set at home: ids of active carts by deadline
--   carts ended     sorted set at home: ids of those that may be purged one day, by their end
--   unfinished      sorted set at home: ids of carts whose last change other shards may not have heard of, by its moment
--   tentative       sorted set: ids of parts of step 0 by the moment of taking
--   parts           sorted set: ids of active parts by deadline. Only the home decides what has become of them.
-- Needs: book-changes levels lapse stock
local CART = {
  told = KEYS[#KEYS - 8], untold = KEYS[#KEYS - 7], shares = KEYS[#KEYS - 6],
  carts = KEYS[#KEYS - 5], deadlines = KEYS[#KEYS - 4], ended = KEYS[#KEYS - 3], unfinished = KEYS[#KEYS - 2],
  tentative = KEYS[#KEYS - 1], parts = KEYS[#KEYS],
}

local carts = { texts = {}, wrote = false, blocked = {}, parts = newChanges(), tentative = newChanges() }

-- A part outlives its end by so much, in ms: it goes when its cart goes, and this is for what was missed.
local PART_OUTLIVES = 86400000

-- Reads what a batch is going to ask for, together.
function carts.fetch(ids)
  for from = 1, #ids, MOST_VALUES do
    local found = redis.call('HMGET', CART.carts, unpack(ids, from, math.min(from + MOST_VALUES - 1, #ids)))
    for index, text in ipairs(found) do carts.texts[ids[from + index - 1]] = text end
  end
end

-- Version and JSON of the cart, or nil.
function carts.read(id)
  local text = carts.texts[id]
  if text == nil then
    text = redis.call('HGET', CART.carts, id)
    carts.texts[id] = text
  end
  if not text then return nil end
  local blank = string.find(text, ' ', 1, true)
  return tonumber(string.sub(text, 1, blank - 1)), string.sub(text, blank + 1)
end

local function writeScore(key, id, score)
  if score then redis.call('ZADD', key, score, id) else redis.call('ZREM', key, id) end
end

-- deadline: while active; ended: since when it may be purged; unfinished: since when others may not have heard; or nil.
function carts.write(id, version, json, deadline, ended, unfinished)
  local text = version .. ' ' .. json
  carts.texts[id] = text
  redis.call('HSET', CART.carts, id, text)
  writeScore(CART.deadlines, id, deadline)
  writeScore(CART.ended, id, ended)
  writeScore(CART.unfinished, id, unfinished)
  carts.wrote = true
end

function carts.forget(id)
  carts.texts[id] = false
  redis.call('HDEL', CART.carts, id)
  redis.call('ZREM', CART.ended, id)
  carts.wrote = true
end

-- Is this the id of a cart, or of one that was given up?
function carts.has(id)
  local record = book.reservation(id)
  return (record == nil or record.step ~= nil) and carts.read(id) ~= nil
end

local noteDeadline, countActive = book.noteDeadline, book.countActive

function book.noteDeadline(reservation)
  if reservation.step == nil then return noteDeadline(reservation) end
  noteChange(carts.parts, reservation.id, reservation.expiresAt)
end

function book.countActive(reservation, more)
  if reservation.step == nil then return countActive(reservation, more) end
  if more < 0 then noteChange(carts.parts, reservation.id, false) end
end

local putReservation = book.put

-- A part is put like a reservation, but nobody here records its lapse.
function book.put(after)
  putReservation(after)
  if after.step == nil then return end
  local id = after.id
  if cache.ended.last[id] then noteChange(cache.ended, id, after.endedAt + PART_OUTLIVES) end
  noteChange(carts.tentative, id, after.step == 0 and after.status == 'active' and book.now or false)
end

-- Ids of parts past their deadline, `limit` at most.
function carts.dueParts(limit)
  return redis.call('ZRANGEBYSCORE', CART.parts, '-inf', book.now, 'LIMIT', 0, limit)
end

local firstDue = book.oldestDue
local LOOKED_AT = 100

-- Behind a part, which is not ours to record, others may have lapsed.
function book.oldestDue(sku)
  local first = firstDue(sku)
  if first == nil or first.step == nil then return first end
  local members = redis.call('ZRANGEBYSCORE', KEY.deadlinesOf .. sku, '-inf', book.now, 'LIMIT', 0, LOOKED_AT)
  for _, member in ipairs(members) do
    local reservation = book.reservation(idOf(member))
    if reservation.step == nil then return reservation end
  end
  return nil
end

local allUnlatched = book.unlatched

-- Those before the first part: that one is its home's to release, and noted, so that somebody asks it.
function book.unlatched(sku)
  local found = {}
  for _, reservation in ipairs(allUnlatched(sku)) do
    if reservation.step ~= nil then
      carts.blocked[sku] = reservation.id
      break
    end
    found[#found + 1] = reservation
  end
  return found
end

-- Carts that must be released before the shortfalls of this command are settled, as JSON, or nil.
function carts.takeBlocked()
  local found = {}
  for sku, id in pairs(carts.blocked) do
    if levels.uncommitted(book.level(sku)) < 0 then
      found[#found + 1] = '[' .. values.text(sku) .. ',' .. values.text(id) .. ']'
    end
  end
  carts.blocked = {}
  return found[1] ~= nil and values.list(found) or nil
end

-- Is there room for these lines, and does the customer stay within the limits? Nobody in particular has none where units
-- are taken `again`, and gets nothing new of what is limited.
function carts.fits(lines, customerId, again)
  lapse.makeRoom(lines)
  for _, line in ipairs(lines) do
    local level = book.level(line.sku)
    if level == nil or levels.available(level) < line.quantity then return false end
    local limit = level.policy.maxPerCustomer
    if limit ~= nil then
      if customerId == nil and not again then return false end
      if customerId ~= nil and held.units(line.sku, customerId) + line.quantity > limit then return false end
    end
  end
  return true
end

function carts.writeAll()
  writeScores(CART.parts, carts.parts)
  writeScores(CART.tentative, carts.tentative)
  if carts.wrote then redis.call('HSET', KEY.meta, 'clock', book.now) end
end
