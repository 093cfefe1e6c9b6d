-- Runs a batch on one shard of several.
-- Arguments: JSON { now, notice, rules, shard, shards, askFirst, holding, commands }, as in lib/batch.lua. shard,
--   shards: which of how many this is, from 0. askFirst: parts past their
--   deadline are to be asked about before anything is decided, but for those in `holding` (ids).
-- Result: as lib/batch.lua has it; or, where somebody must be asked first, one answer alone: '?' and ids as a JSON list,
--   with nothing decided. Of a command whose reservation is a cart the answer is {"cart":true}; of one whose key belongs to
--   one, { pointer }; an answer with `blocked`, [[sku, id of a cart]], has a shortfall that is not settled yet; one with
--   `shared`, { untold, told } (ids), leaves something to be told of these carts (lib/shares.lua).
-- Needs: batch cart-steps
local sharded = {}

-- Parts that are asked about at once.
local MOST_ASKED = 500

local function partsToAsk(holding)
  local held, asked = {}, {}
  for _, id in ipairs(holding) do held[id] = true end
  for _, id in ipairs(carts.dueParts(MOST_ASKED + #holding)) do
    if not held[id] then asked[#asked + 1] = values.text(id) end
  end
  return asked
end

-- { endedBefore, limit, carts, answers }: forgets at most `limit` ended reservations and parts, `carts` ended carts and
-- `answers` remembered answers. Answer: { purged, more, carts: [id, what its JSON says of it] }; of parts it does not tell.
function verbs.purge(command)
  local endedBefore, limit = command.endedBefore, command.limit
  local ids = limit > 0 and book.endedBefore(endedBefore, limit) or {}
  local purged, gone = 0, {}
  for _, id in ipairs(ids) do
    if book.reservation(id).step == nil then purged = purged + 1 end
    book.forget(id)
    shares.purge(id)
  end
  local ended = command.carts > 0
    and redis.call('ZRANGEBYSCORE', CART.ended, '-inf', '(' .. endedBefore, 'LIMIT', 0, command.carts) or {}
  for _, id in ipairs(ended) do
    if not redis.call('ZSCORE', CART.unfinished, id) then
      local _, json = carts.read(id)
      gone[#gone + 1] = '[' .. values.text(id) .. ',' .. json .. ']'
      carts.forget(id)
      shares.purge(id)
    end
  end
  if #ids > 0 or #gone > 0 then book.notePurge(endedBefore) end
  local forgotten = memory.forget(endedBefore, command.answers)
  return '{"purged":' .. purged .. ',"more":' .. tostring(forgotten == command.answers) .. ',"carts":'
    .. values.list(gone) .. '}'
end

-- Its sale is cancelled at the home of its cart.
local function discardsOfCart(command)
  if command.type ~= 'discard_message' or command.units ~= 'restock' then return false end
  local message = messages.find(command.messageId)
  local reservation = message and book.reservation(message.reservationId)
  return message ~= nil and message.state == 'dead' and (reservation == nil or reservation.step ~= nil)
end

local function executeHere(item)
  local command, fence = item.command, item.fence
  if fence ~= nil and not leases.isLatest(fence.lease, fence.token, fence.holder) then return 'null' end
  local step = steps[command.type]
  if step ~= nil then return step(command) end
  local key = values.optional(item.key)
  local known = key and memory.recall(key)
  if known then
    if known.fingerprint ~= item.fingerprint then
      return answers.rejected(command.type, { code = 'idempotency_key_reused' })
    end
    if string.sub(known.answer, 1, 1) ~= '@' then return known.answer end
    return '{"pointer":' .. values.text(string.sub(known.answer, 2)) .. '}'
  end
  if command.reservationId ~= nil and carts.has(command.reservationId) then return '{"cart":true}' end
  if discardsOfCart(command) then return '{"cart":true}' end
  shares.takeNoted()
  local answer = decide(command)
  local blocked = carts.takeBlocked()
  if blocked ~= nil then answer = string.sub(answer, 1, -2) .. ',"blocked":' .. blocked .. '}' end
  if key ~= nil then memory.remember(key, item.fingerprint, answer) end
  local shared = shares.takeNoted()
  return shared == nil and answer or string.sub(answer, 1, -2) .. ',"shared":' .. shared .. '}'
end

local function numberAmong(shard, shards)
  function messages.numberAfter(number) return number + 1 + (shard - number - 1) % shards end
end

function sharded.run()
  local asked = cjson.decode(ARGV[1])
  rules.given = asked.rules
  numberAmong(asked.shard, asked.shards)
  book.open(asked.now)
  local objection = book.objection()
  if objection ~= nil then return redis.error_reply(objection) end
  if asked.askFirst then
    local parts = partsToAsk(asked.holding)
    if #parts > 0 then return { book.now, book.seq, '', '?' .. values.list(parts) } end
  end
  local seqBefore = book.seq
  local result = { book.now, 0, '' }
  fetchAll(asked.commands)
  for index, item in ipairs(asked.commands) do result[index + 3] = executeHere(item) end
  shares.writeAll()
  book.write()
  carts.writeAll()
  result[2] = book.seq
  if asked.notice and (book.seq > seqBefore or #lapse.recorded > 0) then result[3] = noticeJson() end
  return result
end
