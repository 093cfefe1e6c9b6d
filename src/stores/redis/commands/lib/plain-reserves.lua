-- Reserves of one line each, as a rush sends them: arguments instead of JSON, and for each that is granted in full the
-- shortest way to the books, without a table of its own. Whatever is not that plain goes the way of every reserve, with
-- functions that are made when the first of them is needed (lib/not-plain.lua); the rules stand there, and what is
-- written is what `book.put` and `book.append` write.
-- Arguments: JSON of what batches are asked beside commands; now, or ''; '1' if somebody is listening, or ''; the
--   lifetime in seconds where nothing says otherwise; '1' if every SKU and customerId is JSON as it stands between
--   quotation marks, or ''; the columns that the rows have beside the first three, of `c`
--   (customerId), `t` (ttlSeconds), `k` (key and fingerprint), in this order. Then the rows: reservationId, sku, quantity
--   and these, '' where there is none. No id comes twice, and each is letters, digits and hyphens.
-- Result: [now, seq of the newest entry, what changed, then an answer for each command]. What changed: as lib/batch.lua has
--   it; or a list, for each level its SKU and what `levels` has of it; or ''.
-- Answers: when a reservation expires that was granted in full, as digits; or as every reserve has them.
-- Needs: book-writes
--
-- What a shard among several has of its own (lib/plain-among-several.lua): objection, a function, whole -> a result in place
-- of all others, or nil; takenAmong, a function, ids -> which of them are taken; writeShares, writeCarts, functions.
local plain = { objection = false, takenAmong = false, writeShares = false, writeCarts = false, run = false }

local FIRST = 7

-- Reads together what the commands name. Returns the record of each or false; and the field in `held`
-- of each that has a customer.
local function fetch(ids, width, customerAt, keyAt)
  local argv, count = ARGV, #ids
  local records = redis.call('HMGET', KEY.reservations, unpack(ids, 1, math.min(MOST_VALUES, count)))
  for from = MOST_VALUES + 1, count, MOST_VALUES do
    local found = redis.call('HMGET', KEY.reservations, unpack(ids, from, math.min(from + MOST_VALUES - 1, count)))
    for index, record in ipairs(found) do records[from + index - 1] = record end
  end
  local skus, seen, keys, fields, named, at = {}, {}, {}, {}, {}, FIRST
  for index = 1, count do
    local sku = argv[at + 1]
    if not seen[sku] then
      seen[sku] = true
      skus[#skus + 1] = sku
    end
    if keyAt and argv[at + keyAt] ~= '' then keys[#keys + 1] = argv[at + keyAt] end
    if customerAt and argv[at + customerAt] ~= '' then
      local field = held.fieldOf(sku, argv[at + customerAt])
      fields[index], named[#named + 1] = field, field
    end
    at = at + width
  end
  book.fetchLevels(skus)
  if keyAt then memory.fetch(keys) end
  if customerAt then held.fetch(named) end
  return records, fields
end

-- What grants of this call with this deadline have in common: { text, head, ids, count }.
local function termFor(terms, seconds)
  local at = book.now + seconds * 1000
  local text, ids = values.integer(at), cohorts.at(at)
  local term = {
    text = text, head = '["active",' .. text .. ',' .. values.integer(book.now) .. ',[', ids = ids, count = #ids,
  }
  terms[seconds] = term
  return term
end

local needsNoCare = ARGV[5] == '1'
local function json(text)
  return needsNoCare and '"' .. text .. '"' or cjson.encode(text)
end

-- How long the lists are to which grants add; to ask for that costs more than all else. tails: what entries end with, by
-- quantity.
local entryCount, freshCount, tails = 0, 0, {}

local function tailFor(digits)
  local tail = '",0,' .. digits .. ',0,0,null]'
  tails[digits] = tail
  return tail
end

-- `digits`: the quantity. Returns the record.
local function grant(level, id, digits, quantity, customerId, term)
  local sku, fresh, count = level.json, level.fresh, term.count + 1
  if not sku then
    sku = json(level.sku)
    level.json, level.entryHead = sku, ',["reserve",' .. sku .. ',"'
  end
  local record
  if not customerId then
    record = term.head .. sku .. ',' .. digits .. ',0,0]]'
  elseif needsNoCare then
    record = term.head .. sku .. ',' .. digits .. ',0,0],"' .. customerId .. '"]'
  else
    record = term.head .. sku .. ',' .. digits .. ',0,0],' .. cjson.encode(customerId) .. ']'
  end
  local reservations, entries, member = cache.fresh, cache.entries, id .. ':' .. digits
  reservations[freshCount + 1], reservations[freshCount + 2] = id, record
  freshCount = freshCount + 2
  term.ids[count], term.count = id, count
  entries[entryCount + 1], entries[entryCount + 2] = level.entryHead, id
  entries[entryCount + 3] = tails[digits] or tailFor(digits)
  entryCount = entryCount + TEXTS_PER_ENTRY
  local place = entryCount / TEXTS_PER_ENTRY
  if place > level.till then book.notePlace(level, place) end
  level.reserved = level.reserved + quantity
  local seq = book.seq + 1
  book.seq, level.touched = seq, seq
  book.active = book.active + 1
  if fresh then
    count = level.freshCount
    fresh[count + 1] = term.text
    fresh[count + 2] = member
    level.freshCount = count + 2
  else
    level.fresh, level.freshCount = { term.text, member }, 2
  end
  if quantity > 1 then
    local bulk = level.bulk or {}
    local lines = bulk[digits] or {}
    level.bulk, bulk[digits] = bulk, lines
    lines[#lines + 1] = term.text
    lines[#lines + 1] = id
  end
  return record
end

-- Adds the answer to each command to the result. `whole`: see plain.run.
local function answerAll(result, whole)
  local argv, columns, lifetime = ARGV, ARGV[6], tonumber(ARGV[4])
  local customerAt, ttlAt, keyAt = string.find(columns, 'c'), string.find(columns, 't'), string.find(columns, 'k')
  local width = 3 + #columns + (keyAt and 1 or 0)
  -- Behind id, SKU and quantity.
  customerAt, ttlAt, keyAt = customerAt and 2 + customerAt, ttlAt and 2 + ttlAt, keyAt and 2 + keyAt
  local ids, count, terms, known = {}, 0, {}, cache.levels
  for at = FIRST, #argv, width do
    count = count + 1
    ids[count] = argv[at]
  end
  local records, fields = fetch(ids, width, customerAt, keyAt)
  local taken, at = plain.takenAmong and plain.takenAmong(ids), FIRST
  for index = 1, count do
    local id, sku, digits, customerId, ttlSeconds, key = ids[index], argv[at + 1], argv[at + 2], nil, nil, nil
    local quantity, level, answer = tonumber(digits), known[sku], nil
    if customerAt and fields[index] then customerId = argv[at + customerAt] end
    if ttlAt and argv[at + ttlAt] ~= '' then ttlSeconds = tonumber(argv[at + ttlAt]) end
    if keyAt and argv[at + keyAt] ~= '' then key = argv[at + keyAt] end
    -- What is remembered by a key is an answer of another moment.
    local isNew = level and not records[index] and not (taken and taken[index]) and not (key and memory.known[key])
    if isNew then
      local seconds
      if ttlSeconds or level.policy ~= NO_POLICY then
        seconds = whole().lifetimeOfGrant(level, quantity, customerId, ttlSeconds)
      elseif quantity <= MAX_QUANTITY
        and quantity <= level.onHand - level.safetyStock - level.reserved - level.allocated then
        -- Without a policy only stock can stand against it.
        seconds = lifetime
      end
      if seconds then
        local term = terms[seconds] or termFor(terms, seconds)
        local record = grant(level, id, digits, quantity, customerId, term)
        answer = term.text
        if customerId then held.add(fields[index], answer, digits) end
        if key then
          local fingerprint = argv[at + keyAt + 1]
          memory.keep(key, values.digits(#fingerprint) .. ':' .. fingerprint .. '["' .. id .. '",' .. record .. ']')
        end
        if not cache.noneDue then
          cache.noneDue = redis.call('ZCOUNT', KEY.deadlines, '-inf', values.integer(book.now)) == 0
          if not cache.noneDue then
            whole().sweepInPassing()
            terms, entryCount = {}, #cache.entries
          end
        end
      elseif level.refusals and ttlSeconds == nil then
        answer = whole().refusalFor(level, digits)
        if answer and key then memory.remember(key, argv[at + keyAt + 1], answer) end
      end
    end
    if answer == nil then
      answer = whole().carryOut(id, sku, quantity, customerId, ttlSeconds, key, key and argv[at + keyAt + 1])
      if isNew and ttlSeconds == nil then whole().noteRefusal(level, digits, answer) end
      terms, entryCount = {}, #cache.entries
    end
    result[index + 3] = answer
    at = at + width
  end
end

-- `later`: makes the functions of lib/not-plain.lua.
function plain.run(later)
  local made = false
  local function whole()
    if not made then
      made = true
      later()
    end
    return plain
  end
  book.open(ARGV[2])
  local objection = book.objection()
  if objection ~= nil then return redis.error_reply(objection) end
  local instead = plain.objection and plain.objection(whole)
  if instead then return instead end
  local seqBefore = book.seq
  local result = { book.now, 0, '' }
  answerAll(result, whole)
  if plain.writeShares then plain.writeShares() end
  book.write()
  if plain.writeCarts then plain.writeCarts() end
  result[2] = book.seq
  -- Where nothing was needed of `later`, nothing has lapsed and no level has a policy.
  if ARGV[3] == '1' and book.seq > seqBefore then result[3] = made and plain.noticeJson() or cache.written end
  return result
end
