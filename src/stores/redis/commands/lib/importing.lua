-- The steps of import-books.lua, which tells what each is given.
-- Needs: trimming memory-reads
local asked = cjson.decode(ARGV[1])
local importing = {}

-- SKUs, or message keys, whose keys are deleted in one step.
local AT_ONCE = 200

local function emptySkus()
  local skus = redis.call('ZRANGE', KEY.skus, 0, AT_ONCE - 1)
  for _, sku in ipairs(skus) do
    for _, quantity in ipairs(redis.call('SMEMBERS', KEY.quantitiesOf .. sku)) do
      redis.call('UNLINK', KEY.bulkOf .. quantity .. ':' .. sku)
    end
    redis.call('UNLINK', KEY.deadlinesOf .. sku, KEY.ledgerOf .. sku, KEY.quantitiesOf .. sku)
  end
  callMany('ZREM', KEY.skus, skus)
  return #skus
end

local function emptyQueues(heads)
  local keys = redis.call('ZRANGE', heads, 0, AT_ONCE - 1)
  for _, key in ipairs(keys) do redis.call('UNLINK', KEY.queueOf .. key) end
  callMany('ZREM', heads, keys)
  return #keys
end

-- Whatever has keys of its own is listed in the step that writes them.
function importing.empty()
  if emptySkus() + emptyQueues(KEY.dueHeads) + emptyQueues(KEY.laterHeads) > 0 then return 'again' end
  for _, state in ipairs({ 'pending', 'in_flight', 'unknown', 'dead', 'delivered' }) do
    redis.call('UNLINK', KEY.messagesIn .. state)
  end
  redis.call('UNLINK', KEY.meta, KEY.levels, KEY.reservations, KEY.deadlines, KEY.ended, KEY.held, KEY.answers,
    KEY.answerOrder, KEY.ledger, KEY.messages, KEY.messagesOf, KEY.outboxLevels, KEY.parcels, KEY.busyKeys,
    KEY.outboxLog, KEY.openings, KEY.stories)
  return 'ready'
end

function importing.begin()
  if book.format == IMPORTING then
    local state = importing.empty()
    if state ~= 'ready' then return state end
  elseif book.seq > 0 or redis.call('HLEN', KEY.answers) > 0 then
    return 'occupied'
  end
  redis.call('HSET', KEY.meta, 'format', IMPORTING, 'token', asked.token, 'outbox', asked.outboxHead)
  return 'ready'
end

local function loadBeginning()
  local listed, openings, stories = {}, {}, {}
  for _, opening in ipairs(asked.openings) do
    for field, value in pairs(opening.policy) do opening.policy[field] = values.optional(value) end
    listed[#listed + 1] = 0
    listed[#listed + 1] = opening.sku
    openings[#openings + 1] = opening.sku
    openings[#openings + 1] = cjson.encode(opening)
  end
  for _, story in ipairs(asked.stories) do
    stories[#stories + 1] = story[1]
    stories[#stories + 1] = cjson.encode(story[2])
  end
  callMany('ZADD', KEY.skus, listed)
  callMany('HSET', KEY.openings, openings)
  callMany('HSET', KEY.stories, stories)
end

local function loadEntries()
  local listed = {}
  for _, each in ipairs(asked.seqs) do
    listed[#listed + 1] = 0
    listed[#listed + 1] = each[1]
  end
  callMany('ZADD', KEY.skus, listed)
  for _, each in ipairs(asked.seqs) do callMany('RPUSH', KEY.ledgerOf .. each[1], each[2]) end
  for _, part in ipairs(asked.parts) do
    redis.call('XADD', KEY.ledger, part[1] .. '-0', 'at', part[2], 'n', part[3], 'e', part[4])
  end
end

local function loadLevels()
  local texts = {}
  for _, level in ipairs(asked.levels) do
    for field, value in pairs(level.policy) do level.policy[field] = values.optional(value) end
    texts[#texts + 1] = level.sku
    texts[#texts + 1] = levelText(level)
  end
  callMany('HSET', KEY.levels, texts)
end

local function loadAnswers()
  local texts, order = {}, {}
  for index, each in ipairs(asked.answers) do
    texts[2 * index - 1], texts[2 * index] = each.key, textOf(each.fingerprint, each.answer)
    order[index] = values.digits(each.at) .. ':' .. each.key
  end
  callMany('HSET', KEY.answers, texts)
  callMany('RPUSH', KEY.answerOrder, order)
end

function importing.load()
  loadBeginning()
  loadEntries()
  messages.head()
  for _, message in ipairs(asked.messages) do messages.put(message) end
  for _, level in ipairs(asked.outboxLevels) do messages.putLevel(level.sku, level) end
  for _, reservation in ipairs(asked.reservations) do
    for _, field in ipairs({ 'customerId', 'orderId', 'endedAt' }) do
      reservation[field] = values.optional(reservation[field])
    end
    book.put(reservation)
  end
  loadLevels()
  loadAnswers()
  book.writeRecords()
  redis.call('HSET', KEY.meta, 'active', book.active)
  return 'ready'
end

function importing.seal()
  redis.call('HSET', KEY.meta, 'seq', asked.headSeq, 'clock', asked.clock, 'purgedBefore', asked.purgedBefore)
  local cut = asked.cut
  redis.call('HSET', KEY.meta, 'cut', cut.seq, 'cutAt', cut.at, 'exported', cut.exportedThrough)
  return 'ready'
end

function importing.finish()
  redis.call('HDEL', KEY.meta, 'token')
  redis.call('HSET', KEY.meta, 'format', FORMAT, 'imported', asked.token)
  return 'ready'
end

function importing.run()
  book.open(asked.now)
  if asked.step ~= 'begin' and redis.call('HGET', KEY.meta, 'token') ~= asked.token then return 'lost' end
  return importing[asked.step]()
end
