-- Answers that were remembered, and what becomes of them.
-- Needs: memory

local function textOf(fingerprint, answer)
  return values.digits(#fingerprint) .. ':' .. fingerprint .. answer
end

-- { fingerprint, answer }, or nil.
function memory.recall(key)
  local text = memory.known[key]
  if text == nil then
    text = redis.call('HGET', KEY.answers, key)
    memory.known[key] = text
  end
  if not text then return nil end
  local colon = string.find(text, ':', 1, true)
  local length = tonumber(string.sub(text, 1, colon - 1))
  return { fingerprint = string.sub(text, colon + 1, colon + length), answer = string.sub(text, colon + length + 1) }
end

function memory.remember(key, fingerprint, answer)
  memory.keep(key, textOf(fingerprint, answer))
end

-- Another answer for what was remembered, which grows no older by it.
function memory.replace(key, answer)
  local text = textOf(memory.recall(key).fingerprint, answer)
  memory.known[key] = text
  redis.call('HSET', KEY.answers, key, text)
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
