-- Answers remembered by idempotency key, so that a repeated request has one effect and one answer.
-- Needs: book
local memory = { known = {}, fresh = {}, forgotten = 0 }

local function read(text)
  if not text then return false end
  local colon = string.find(text, ':', 1, true)
  local length = tonumber(string.sub(text, 1, colon - 1))
  return { fingerprint = string.sub(text, colon + 1, colon + length), answer = string.sub(text, colon + length + 1) }
end

local function write(record) return #record.fingerprint .. ':' .. record.fingerprint .. record.answer end

-- Reads what a batch is going to ask for, together.
function memory.fetch(keys)
  for from = 1, #keys, MOST_VALUES do
    local last = math.min(from + MOST_VALUES - 1, #keys)
    local found = redis.call('HMGET', KEY.answers, unpack(keys, from, last))
    for index = from, last do
      local key = keys[index]
      if memory.known[key] == nil then memory.known[key] = read(found[index - from + 1]) end
    end
  end
end

-- { fingerprint, answer }, or nil.
function memory.recall(key)
  local record = memory.known[key]
  if record == nil then
    record = read(redis.call('HGET', KEY.answers, key))
    memory.known[key] = record
  end
  return record or nil
end

-- `at`: when it was given.
function memory.remember(key, fingerprint, answer, at)
  memory.known[key] = { fingerprint = fingerprint, answer = answer, at = at }
  memory.fresh[#memory.fresh + 1] = key
end

-- Another answer for what was remembered, which grows no older by it.
function memory.replace(key, answer)
  local record = memory.recall(key)
  record.answer = answer
  redis.call('HSET', KEY.answers, key, write(record))
end

function memory.write()
  local records, order = {}, {}
  for _, key in ipairs(memory.fresh) do
    local record = memory.known[key]
    records[#records + 1] = key
    records[#records + 1] = write(record)
    order[#order + 1] = values.digits(record.at) .. ':' .. key
  end
  memory.fresh = {}
  callMany('HSET', KEY.answers, records)
  callMany('RPUSH', KEY.answerOrder, order)
end

-- Drops answers older than `time`, oldest first, at most `limit`; returns how many.
function memory.forget(time, limit)
  memory.write()
  local gone = {}
  for _, record in ipairs(redis.call('LRANGE', KEY.answerOrder, 0, limit - 1)) do
    local at, key = string.match(record, '^(%d+):(.*)$')
    if tonumber(at) >= time then break end
    gone[#gone + 1] = key
    memory.known[key] = false
  end
  if #gone == 0 then return 0 end
  redis.call('LTRIM', KEY.answerOrder, #gone, -1)
  callMany('HDEL', KEY.answers, gone)
  return #gone
end
