-- Writes what a call has changed, each key once.
-- Needs: book cohorts held memory

-- One part of the stream holds so many entries at most.
local ENTRIES_PER_PART = 64
local TEXTS_PER_ENTRY = 3

-- Notes the part in which an entry of the SKU stands; `place`: among the entries of this call, after `till`.
function book.notePlace(level, place)
  local till = math.ceil(place / ENTRIES_PER_PART) * ENTRIES_PER_PART
  local places = level.places
  level.till = till
  if places then
    places[#places + 1] = till
  else
    level.places = { till }
    cache.changed[#cache.changed + 1] = level
  end
end

-- The deadlines of new reservations, in the sorted sets of a SKU.
local function writeFresh(level)
  local sku, fresh, bulk = level.sku, level.fresh, level.bulk
  if level.freshCount == 2 then
    redis.call('ZADD', KEY.deadlinesOf .. sku, fresh[1], fresh[2])
  else
    callMany('ZADD', KEY.deadlinesOf .. sku, fresh)
  end
  level.fresh, level.bulk = false, nil
  if not bulk then return end
  for quantity, lines in pairs(bulk) do
    redis.call('SADD', KEY.quantitiesOf .. sku, quantity)
    callMany('ZADD', KEY.bulkOf .. quantity .. ':' .. sku, lines)
  end
end

local function writeEntries()
  local count = #cache.entries / TEXTS_PER_ENTRY
  local first = book.seq - count
  for from = 1, count, ENTRIES_PER_PART do
    local last = math.min(from + ENTRIES_PER_PART - 1, count)
    local texts = table.concat(cache.entries, '', TEXTS_PER_ENTRY * (from - 1) + 1, TEXTS_PER_ENTRY * last)
    local part = '[' .. string.sub(texts, 2) .. ']'
    redis.call('XADD', KEY.ledger, values.integer(first + last) .. '-0', 'at', values.integer(book.now),
      'n', values.integer(last - from + 1), 'e', part)
  end
end

local function levelText(level)
  local digits, policy = values.digits, level.policy
  local text = values.integer(level.onHand) .. ' ' .. values.integer(level.reserved) .. ' ' .. digits(level.allocated)
    .. ' ' .. digits(level.safetyStock)
  return policy ~= NO_POLICY and next(policy) and text .. cjson.encode(policy) or text
end

local function writeLevels()
  local texts, skus = {}, {}
  local first, last = book.seq - #cache.entries / TEXTS_PER_ENTRY, book.seq
  for index, level in ipairs(cache.changed) do
    local sku, places = level.sku, level.places
    texts[2 * index - 1], texts[2 * index] = sku, levelText(level)
    if level.created then
      skus[#skus + 1] = '0'
      skus[#skus + 1] = sku
    end
    local count = #places
    for at = 1, count do places[at] = values.digits(math.min(first + places[at], last)) end
    if count == 1 then
      redis.call('RPUSH', KEY.ledgerOf .. sku, places[1])
    else
      callMany('RPUSH', KEY.ledgerOf .. sku, places)
    end
    if level.fresh then writeFresh(level) end
  end
  cache.written = texts
  callMany('HSET', KEY.levels, texts)
  callMany('ZADD', KEY.skus, skus)
end

-- Writes what this call has changed beside the ledger and the levels.
function book.writeRecords()
  callMany('HSET', KEY.reservations, cache.fresh)
  cohorts.write()
  held.write()
  memory.write()
  for _, part in ipairs(book.parts) do
    if part.dirty() then part.write() end
  end
end

-- Has this call changed anything?
local function hasChanged()
  if #cache.entries > 0 or #memory.fresh > 0 then return true end
  for _, part in ipairs(book.parts) do
    if part.dirty() then return true end
  end
  return false
end

-- Writes all that this call has changed; nothing if it has changed nothing.
function book.write()
  if not hasChanged() then return end
  if #cache.entries > 0 then
    writeEntries()
    writeLevels()
  end
  redis.call('HSET', KEY.meta, 'seq', values.integer(book.seq), 'clock', values.integer(book.now), 'format', FORMAT,
    'active', values.integer(book.active))
  book.writeRecords()
end
