-- Answers remembered by idempotency key, so that a repeated request has one effect and one answer.
-- Needs: book
-- known: by key, as it stands in the hash, or will; false where there is nothing. fresh: keys that are new.
local memory = { known = {}, fresh = {}, fetch = false, keep = false, write = false }

-- Reads what a batch is going to ask for, together.
function memory.fetch(keys)
  for from = 1, #keys, MOST_VALUES do
    local last = math.min(from + MOST_VALUES - 1, #keys)
    local found = redis.call('HMGET', KEY.answers, unpack(keys, from, last))
    for index = from, last do
      memory.known[keys[index]] = found[index - from + 1]
    end
  end
end

-- `text`: the length of the fingerprint, a colon, the fingerprint, the answer.
function memory.keep(key, text)
  memory.known[key] = text
  memory.fresh[#memory.fresh + 1] = key
end

-- All of them were given at this moment.
function memory.write()
  if #memory.fresh == 0 then return end
  local texts, order, now = {}, {}, values.digits(book.now)
  for index, key in ipairs(memory.fresh) do
    texts[2 * index - 1], texts[2 * index] = key, memory.known[key]
    order[index] = now .. ':' .. key
  end
  memory.fresh = {}
  callMany('HSET', KEY.answers, texts)
  callMany('RPUSH', KEY.answerOrder, order)
end
