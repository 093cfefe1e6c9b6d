-- The steps of a cart over several shards, each a command to one of them. What they come to is decided by src/core, in
-- src/stores/redis/sharding/carts.ts. Answers are JSON.
-- Needs: carts memory-reads shares
local MAX_ON_HAND_OF_PART = 2147483647
local STOCK, SPENT, VERSION, LATE, HELD, KEYED = '{"ok":false,"why":"stock"}', '{"ok":false,"why":"spent"}',
  '{"ok":false,"why":"version"}', '{"ok":false,"why":"late"}', '{"ok":false,"why":"held"}', '{"ok":false,"why":"key"}'

-- What a decision needs to know of these SKUs, after their lapses were recorded as far as `lines` need it.
function steps.cart_weigh(command)
  local customerId, found = values.optional(command.customerId), {}
  lapse.makeRoom(command.lines)
  for index, line in ipairs(command.lines) do
    local sku = line.sku
    local level = book.level(sku)
    found[index] = level == nil and 'null' or '{"level":' .. levels.recordJson(level) .. ',"held":'
      .. (customerId and held.units(sku, customerId) or 0) .. ',"nextExpiryAt":' .. (book.nextExpiry(sku) or 'null') .. '}'
  end
  return values.list(found)
end

local function sameLines(known, lines)
  for index, line in ipairs(known) do
    local other = lines[index]
    if other == nil or other.sku ~= line.sku or other.quantity ~= line.quantity then return false end
  end
  return #known == #lines
end

-- { id, lines, customerId, createdAt, expiresAt, again }: takes these units for a cart that is not decided yet, or `again`
-- for one that has lapsed.
function steps.cart_take(command)
  local id, customerId = command.id, values.optional(command.customerId)
  local before = book.reservation(id)
  if before ~= nil then
    local same = before.step == 0 and before.status == 'active' and sameLines(before.lines, command.lines)
    return same and OK or SPENT
  end
  if not carts.fits(command.lines, customerId, command.again) then return STOCK end
  local lines = {}
  for index, line in ipairs(command.lines) do
    lines[index] = { sku = line.sku, quantity = line.quantity, confirmed = 0, cancelled = 0 }
  end
  book.put({
    id = id, status = 'active', lines = lines, customerId = customerId, createdAt = command.createdAt,
    expiresAt = command.expiresAt, reacquired = false, refundRequired = false, cancellations = {}, step = 0,
  })
  for _, line in ipairs(lines) do book.append('reserve', line.sku, id, 0, line.quantity, 0, 0, nil) end
  return OK
end

-- { id }: the cart was never decided and will not be.
function steps.cart_free(command)
  local part = book.reservation(command.id)
  if part ~= nil and part.step == 0 and part.status == 'active' then lapse.giveBack(part, 'release', 'released') end
  return OK
end

-- An entry as it can be carried out here and now: how many units are on the shelf only this shard knows.
local function appendChange(id, change)
  local kind, sku, onHand, allocated, detail = change[1], change[2], change[3], change[5], values.optional(change[7])
  local shelf = book.level(sku).onHand
  if kind == 'acknowledge' or (kind == 'cancel' and allocated < 0 and not detail.restock) then
    local gone, lacking = levels.leaves(shelf, -allocated)
    onHand = -gone
    if kind == 'acknowledge' then detail = lacking else detail.lacking = lacking and lacking.lacking end
  elseif kind == 'cancel' and onHand > 0 then
    onHand = math.min(onHand, MAX_ON_HAND_OF_PART - shelf)
  end
  book.append(kind, sku, id, onHand, change[4], allocated, change[6], detail)
end

local function applyPart(id, part)
  local before = book.reservation(id)
  if before ~= nil and before.step >= part.step then return end
  local hold = values.optional(part.hold)
  if hold ~= nil then steps.cart_free({ id = hold }) end
  local known = before or { reacquired = false, refundRequired = false }
  local changed = #part.entries > 0
  local after = {
    id = id, status = part.status, lines = part.lines, customerId = values.optional(part.customerId),
    orderId = known.orderId, createdAt = part.createdAt, expiresAt = part.expiresAt,
    endedAt = part.status ~= 'active' and (changed and book.now or known.endedAt or book.now) or nil,
    reacquired = known.reacquired, refundRequired = known.refundRequired, cancellations = {}, step = part.step,
  }
  for _, change in ipairs(part.entries) do
    local detail = values.optional(change[7])
    local orderId = detail and values.optional(detail.order_id)
    if orderId ~= nil then after.orderId = orderId end
    if change[1] == 'confirm' and known.status == 'expired' then after.reacquired = true end
    if change[1] == 'refund_required' then after.refundRequired = true end
  end
  book.put(after)
  for _, change in ipairs(part.entries) do appendChange(id, change) end
  local change = values.optional(part.outbox)
  if change ~= nil then shares.change(id, change) end
end

-- { id, part: { step, status, lines, customerId, createdAt, expiresAt, entries, hold, outbox }, shares }: what was decided at
-- home, and what the cart's messages there tell this shard (lib/shares.lua); each may be null. `since` in the answer: the
-- number of what was told before, where it is not lower.
function steps.cart_apply(command)
  local part, told = values.optional(command.part), values.optional(command.shares)
  if part ~= nil then applyPart(command.id, part) end
  local since = told ~= nil and shares.take(command.id, told) or nil
  return since and '{"ok":true,"since":' .. values.digits(since) .. '}' or OK
end

local function knownAnswer(key)
  local known = key and memory.recall(key)
  if not known then return 'null' end
  local pointer = string.sub(known.answer, 1, 1) == '@'
  return '{"fingerprint":' .. values.text(known.fingerprint) .. ',"pointer":'
    .. (pointer and values.text(string.sub(known.answer, 2)) or 'null')
    .. ',"answer":' .. (pointer and 'null' or known.answer) .. '}'
end

-- { id, giveUp, key }: the cart; where there is none and `giveUp` is true, there never will be.
function steps.cart_read(command)
  local id = command.id
  local version, json = carts.read(id)
  local plain = book.reservation(id)
  if plain ~= nil and plain.step ~= nil then plain = nil end
  if version == nil and plain == nil and command.giveUp then
    version, json = 1, '{"version":1,"givenUp":true}'
    carts.write(id, version, json, nil, book.now, nil)
  end
  return '{"now":' .. book.now .. ',"cart":' .. (json or 'null') .. ',"plain":' .. (plain and book.told(id) or 'null')
    .. ',"shares":' .. shares.snapshotJson(id) .. ',"known":' .. knownAnswer(values.optional(command.key)) .. '}'
end

-- The decision: { id, expect, version, json, deadline, ended, unfinished, before, part, take, customerId, hold, key,
-- fingerprint, answer, expired, outbox, instead }. outbox: what it means for the cart's messages here; instead: the answer
-- takes the place of the one that is remembered under the key. `expect`: the version that it was taken on (0: none); before: the moment until which it
-- may be taken; part: the home's own; take: lines that must fit; hold: the id of what was taken for it elsewhere.
function steps.cart_write(command)
  local id = command.id
  local version = carts.read(id)
  local plain = book.reservation(id)
  if (version or 0) ~= command.expect or (plain ~= nil and plain.step == nil) then return VERSION end
  local before, key = values.optional(command.before), values.optional(command.key)
  if before ~= nil and book.now >= before then return LATE end
  if key ~= nil and memory.recall(key) ~= nil and not command.instead then return KEYED end
  local hold = values.optional(command.hold)
  if hold ~= nil and carts.read(hold) ~= nil then return HELD end
  -- A cart that is there already takes units only where it has lapsed.
  if not carts.fits(command.take, values.optional(command.customerId), command.expect > 0) then return STOCK end
  if hold ~= nil then
    carts.write(hold, 1, '{"version":1,"usedBy":' .. values.text(id) .. '}', nil, book.now, nil)
  end
  local part = values.optional(command.part)
  if part ~= nil then applyPart(id, part) end
  carts.write(id, command.version, command.json, values.optional(command.deadline), values.optional(command.ended),
    command.unfinished and book.now or nil)
  local change = values.optional(command.outbox)
  if change ~= nil then shares.change(id, change) end
  if key ~= nil then
    if memory.recall(key) == nil then
      memory.remember(key, command.fingerprint, command.answer)
    else
      memory.replace(key, command.answer)
    end
  end
  local expired = values.optional(command.expired)
  if expired ~= nil then
    lapse.recorded[#lapse.recorded + 1] = '{"reservationId":' .. values.text(id) .. ',"expiresAt":' .. expired .. '}'
  end
  return '{"ok":true,"shares":' .. shares.snapshotJson(id) .. '}'
end

-- { id, version, json, heard }: every shard has heard of this version (null: there was none), and of what the cart's
-- messages had to tell them under the number `heard`.
function steps.cart_finish(command)
  local heard = values.optional(command.heard)
  if heard ~= nil then shares.heard(command.id, heard) end
  if command.version ~= null and carts.read(command.id) == command.version then
    carts.texts[command.id] = command.version .. ' ' .. command.json
    redis.call('HSET', CART.carts, command.id, carts.texts[command.id])
    redis.call('ZREM', CART.unfinished, command.id)
    carts.wrote = true
  end
  return OK
end

-- { id, endedBefore }: its cart was purged.
function steps.cart_forget(command)
  local part = book.reservation(command.id)
  if part ~= nil and part.step ~= nil and part.status ~= 'active' and part.status ~= 'confirmed' then
    book.notePurge(math.max(command.endedBefore, part.endedAt + 1))
    book.forget(command.id)
    shares.purge(command.id)
  end
  return OK
end

-- { ageMs, limit }: what may have been left by somebody who is no more: ids.
function steps.cart_pending(command)
  local since, limit = book.now - command.ageMs, command.limit
  local function ids(key, last)
    local found = redis.call('ZRANGEBYSCORE', key, '-inf', last, 'LIMIT', 0, limit)
    for index, id in ipairs(found) do found[index] = values.text(id) end
    return values.list(found)
  end
  return '{"tentative":' .. ids(CART.tentative, since) .. ',"unfinished":' .. ids(CART.unfinished, since) .. '}'
end

local function addCarts(found, key, last, limit)
  local ids = redis.call('ZRANGEBYSCORE', key, '-inf', last, 'WITHSCORES', 'LIMIT', 0, limit)
  for index = 1, #ids, 2 do
    found[#found + 1] = '[' .. ids[index + 1] .. ',' .. values.text(ids[index]) .. ',true]'
  end
  return values.list(found)
end

-- { limit }: what has lapsed: [deadline, id, whether it is a cart].
function steps.cart_due(command)
  local found = cohorts.due(command.limit)
  for index, reservation in ipairs(found) do
    found[index] = '[' .. values.digits(reservation.expiresAt) .. ',' .. values.text(reservation.id) .. ',false]'
  end
  return addCarts(found, CART.deadlines, book.now, command.limit)
end

-- { endedBefore, limit }: what may be purged: [its end, id, whether it is a cart].
function steps.cart_ended(command)
  local found, last = {}, '(' .. command.endedBefore
  local ids = redis.call('ZRANGEBYSCORE', KEY.ended, '-inf', last, 'WITHSCORES', 'LIMIT', 0, command.limit)
  for index = 1, #ids, 2 do
    found[#found + 1] = '[' .. ids[index + 1] .. ',' .. values.text(ids[index]) .. ',false]'
  end
  return addCarts(found, CART.ended, last, command.limit)
end

-- { key, fingerprint, pointer, instead }: whose this idempotency key is: `pointer` says where its answer will be. Answer:
-- what was known before, or null. `instead`: the pointer that it is to replace.
function steps.claim_key(command)
  local known = memory.recall(command.key)
  local instead = values.optional(command.instead)
  if known == nil then
    memory.remember(command.key, command.fingerprint, '@' .. command.pointer)
  elseif instead ~= nil and known.answer == '@' .. instead and known.fingerprint == command.fingerprint then
    memory.replace(command.key, '@' .. command.pointer)
    known = nil
    carts.wrote = true
  end
  return known == nil and 'null' or knownAnswer(command.key)
end

-- { key, fingerprint, answer }: remembers it, unless something is; answers what is remembered.
function steps.remember(command)
  if memory.recall(command.key) == nil then
    memory.remember(command.key, command.fingerprint, command.answer)
  end
  return knownAnswer(command.key)
end

-- { key, answer }: remembers it in place of one with a shortfall that was not settled; answers what is remembered then.
function steps.remember_settled(command)
  local known = memory.recall(command.key)
  if known ~= nil and string.sub(known.answer, 1, 1) ~= '@' and cjson.decode(known.answer).blocked ~= nil then
    memory.replace(command.key, command.answer)
    carts.wrote = true
  end
  return knownAnswer(command.key)
end

-- { sku }: goes on where a cart stood in the way. Answer: { level, released, blocked }.
function steps.cart_shortfall(command)
  local released = settleShortfall(command.sku)
  return '{"level":' .. levels.viewJson(book.level(command.sku)) .. ',"released":' .. values.list(released)
    .. ',"blocked":' .. (carts.takeBlocked() or '[]') .. '}'
end
