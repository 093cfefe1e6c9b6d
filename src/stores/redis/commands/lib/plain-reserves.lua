-- Reserves of one line each, as a rush sends them: arguments instead of JSON, and for each that is granted in full the
-- shortest way to the books, without a table of its own. Whatever is not that plain goes the way of every reserve; the rules
-- stand there (decide-reserve.lua), and what is written is what `book.put` and `book.append` write.
-- Arguments, after the first: for each command its columns, in the order of the list `columns`: reservationId, sku,
--   quantity, then those that the batch has of customerId, ttlSeconds, key and fingerprint; '' where there is none. No id
--   comes twice, and each is letters, digits and hyphens.
-- Answers: when a reservation expires that was granted in full, as digits; or as every reserve has them.
-- Needs: decide-reserve
--
-- isTaken: where an id of which there is no reservation may be taken all the same, a function that says so; or nil.
local plain = {}

-- A command as batches have them.
local function itemOf(id, sku, quantity, customerId, ttlSeconds, key, fingerprint)
  return {
    command = {
      type = 'reserve', reservationId = id, lines = { { sku = sku, quantity = quantity } }, customerId = customerId,
      ttlSeconds = ttlSeconds, allowPartial = false,
    },
    key = key, fingerprint = fingerprint,
  }
end

-- What stands in this place of each command, once, as far as it says something.
local function column(place, width)
  local found, seen, last = {}, {}, ''
  for at = 2 + place, #ARGV, width do
    local value = ARGV[at]
    if value ~= last and value ~= '' and not seen[value] then
      seen[value] = true
      found[#found + 1] = value
      last = value
    end
  end
  return found
end

-- Reads together what the commands name. Returns their ids, and the record of each or false.
local function fetch(places, width)
  local argv, ids, records, count = ARGV, {}, {}, 0
  for at = 2, #argv, width do
    count = count + 1
    ids[count] = argv[at]
  end
  for from = 1, count, MOST_VALUES do
    local found = redis.call('HMGET', KEY.reservations, unpack(ids, from, math.min(from + MOST_VALUES - 1, count)))
    if from == 1 then records = found else for index, record in ipairs(found) do records[from + index - 1] = record end end
  end
  book.fetchLevels(column(1, width))
  if places.key then memory.fetch(column(places.key, width)) end
  if places.customerId then
    local fields = {}
    for at = 2, #argv, width do
      local customerId = argv[at + places.customerId]
      if customerId ~= '' then fields[#fields + 1] = held.fieldOf(argv[at + 1], customerId) end
    end
    held.fetch(fields)
  end
  return ids, records
end

-- What a grant of this call with this deadline has in common with all others: { at, text, head, ids, count }.
local function termFor(terms, seconds)
  local term = terms[seconds]
  if term == nil then
    local at = book.now + seconds * 1000
    local text = values.digits(at)
    local ids = cohorts.at(at)
    term = {
      at = at, text = text, head = records.head('active', text) .. values.digits(book.now) .. ',[', ids = ids,
      count = #ids,
    }
    terms[seconds] = term
  end
  return term
end

-- What this call knows of a SKU until another command has its turn: { level, json, left, policy, places, deadlines,
-- count }. left: units that can be reserved.
local function stallFor(stalls, sku)
  local level = book.level(sku)
  if level == nil then return nil end
  local stall = {
    level = level, json = values.text(sku), left = levels.available(level), policy = level.policy ~= NO_POLICY,
    places = false, deadlines = false, count = 0,
  }
  stalls[sku] = stall
  return stall
end

-- How long the reservation would live, if it can be granted in full; or nil.
local function lifetimeOfGrant(stall, quantity, customerId, ttlSeconds)
  if quantity > MAX_QUANTITY then return nil end
  if ttlSeconds ~= nil and (ttlSeconds > rules.given.maxTtlSeconds or ttlSeconds < 1) then return nil end
  local sku = stall.level.sku
  local _, obstacle = weigh(sku, quantity, customerId)
  if obstacle ~= nil then return nil end
  return rules.shortest(ttlSeconds, sku) or rules.given.ttlSeconds
end

-- How long the lists are to which grants add: to ask for that costs more than all else.
local freshCount, entryCount = 0, 0

-- `digits`: the quantity. Returns the record.
local function grant(stall, id, digits, quantity, customerId, term)
  local level, json, places = stall.level, stall.json, stall.places
  if not places then
    places = book.placesOf(level.sku)
    stall.places, stall.deadlines = places, book.freshOf(level.sku)
    stall.count = #stall.deadlines
  end
  local record = customerId and term.head .. json .. ',' .. digits .. ',0,0],' .. values.text(customerId) .. ']'
    or term.head .. json .. ',' .. digits .. ',0,0]]'
  local fresh, deadlines, count = cache.fresh, stall.deadlines, term.count + 1
  fresh[freshCount + 1] = id
  fresh[freshCount + 2] = record
  freshCount = freshCount + 2
  term.ids[count] = id
  term.count = count
  entryCount = entryCount + 1
  cache.entries[entryCount] = '["reserve",' .. json .. ',"' .. id .. '",0,' .. digits .. ',0,0,null]'
  if entryCount > places.till then book.notePlace(places, entryCount) end
  level.reserved = level.reserved + quantity
  stall.left = stall.left - quantity
  book.seq = book.seq + 1
  book.active = book.active + 1
  level.touched = book.seq
  count = stall.count
  deadlines[count + 1] = term.text
  deadlines[count + 2] = id .. ':' .. digits
  stall.count = count + 2
  if quantity > 1 then book.noteBulk(level.sku, quantity, id, term.at) end
  if customerId then held.add(held.fieldOf(level.sku, customerId), term.text, digits) end
  return record
end

-- Refusals of this call for want of stock, by SKU and quantity: those that follow are told the same, until something
-- changes.
local refusals = {}

local function refusalFor(stall, digits)
  local known = refusals[stall.level.sku]
  known = known and known[digits]
  return known and known.seq >= (stall.level.touched or 0) and known.answer or nil
end

local function noteRefusal(stall, digits, answer)
  local sku = stall.level.sku
  if stall.policy or string.sub(answer, 1, 11) ~= '{"ok":false' then return end
  refusals[sku] = refusals[sku] or {}
  refusals[sku][digits] = { answer = answer, seq = book.seq }
end

-- Adds the answer to each command to the result. `carryOut`: item -> answer, the way of every command.
function plain.run(columns, result, carryOut)
  local width, places = #columns, {}
  for index, name in ipairs(columns) do places[name] = index - 1 end
  local customerAt, ttlAt, keyAt = places.customerId, places.ttlSeconds, places.key
  local ids, records = fetch(places, width)
  local argv, stalls, terms, answered = ARGV, {}, {}, #result
  for index, id in ipairs(ids) do
    local at = 2 + (index - 1) * width
    local sku, digits = argv[at + 1], argv[at + 2]
    local quantity = tonumber(digits)
    local customerId, ttlSeconds, key, fingerprint
    if customerAt and argv[at + customerAt] ~= '' then customerId = argv[at + customerAt] end
    if ttlAt and argv[at + ttlAt] ~= '' then ttlSeconds = tonumber(argv[at + ttlAt]) end
    if keyAt and argv[at + keyAt] ~= '' then key, fingerprint = argv[at + keyAt], argv[at + keyAt + 1] end
    local stall, answer = stalls[sku] or stallFor(stalls, sku), nil
    local isNew = not records[index] and not (plain.isTaken and plain.isTaken(id))
    -- What is remembered by a key is an answer of another moment.
    local isFirst = not (key and memory.recall(key))
    if stall ~= nil and isNew and isFirst then
      local seconds
      if stall.policy or ttlSeconds then
        seconds = lifetimeOfGrant(stall, quantity, customerId, ttlSeconds)
      elseif quantity <= stall.left and quantity <= MAX_QUANTITY then
        -- Without a policy only stock can stand against it.
        seconds = rules.given.ttlSeconds
      end
      if seconds then
        local term = terms[seconds] or termFor(terms, seconds)
        local record = grant(stall, id, digits, quantity, customerId, term)
        if key then memory.remember(key, fingerprint, '["' .. id .. '",' .. record .. ']', book.now) end
        answer = term.text
        if not cache.noneDue then
          lapse.sweepInPassing()
          stalls, terms, entryCount = {}, {}, #cache.entries
        end
      elseif ttlSeconds == nil then
        answer = refusalFor(stall, digits)
        if answer and key then memory.remember(key, fingerprint, answer, book.now) end
      end
    end
    if answer == nil then
      answer = carryOut(itemOf(id, sku, quantity, customerId, ttlSeconds, key, fingerprint))
      if stall ~= nil and ttlSeconds == nil and isNew and isFirst then noteRefusal(stall, digits, answer) end
      stalls, terms, entryCount = {}, {}, #cache.entries
    end
    result[answered + index] = answer
  end
end
