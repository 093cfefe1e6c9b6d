-- The outbox of a shard among several (docs/adr/0050-outbox-over-shards.md). A message of a whole sale is kept, claimed
-- and settled by the home of its cart alone. Every other shard of which it names SKUs has a share of it: what of the
-- message counts in the figures of these SKUs. The home notes which carts' shares may be behind, and tells them all
-- that stands now, each time under a higher number, so that whoever tells them, and however often, they come to the same.
-- Needs: carts outbox dead-letters leases
-- Commands to one shard, each to its answer as JSON.
local steps = {}
local OK = '{"ok":true}'

local shares = { behind = {}, changed = {}, records = {}, noted = { untold = {}, told = {} } }
-- A script has 200 local names at most: those from here on are this file's own.
do

-- A message names SKUs of other shards, of which there are no figures here.
function outbox.counts(sku) return book.level(sku) ~= nil end

function outbox.keeps(reservationId)
  return book.reservation(reservationId) ~= nil or carts.read(reservationId) ~= nil
end

-- What a hash has of the cart, read once in a call; nil: nothing.
local function readOnce(known, key, id)
  local value = known[id]
  if value == nil then
    local text = redis.call('HGET', key, id)
    value = text and cjson.decode(text) or false
    known[id] = value
  end
  return value or nil
end

-- { n, skus, notes } of the cart whose shares may be behind, or nil.
local function behindOf(id)
  return readOnce(shares.behind, CART.untold, id)
end

local function foreignSkus(message)
  local found = {}
  for _, sku in ipairs(message and outbox.skusOf(message) or {}) do
    if not outbox.counts(sku) then found[#found + 1] = sku end
  end
  return found
end

-- Others are to hear of what has become of the message; `note`: for their ledgers.
local function noteBehind(id, skus, note)
  local behind = behindOf(id) or { n = 0, skus = {}, notes = {} }
  behind.n = messages.takeNumber()
  local known = {}
  for _, sku in ipairs(behind.skus) do known[sku] = true end
  for _, sku in ipairs(skus) do
    if not known[sku] then behind.skus[#behind.skus + 1] = sku end
    known[sku] = true
  end
  if note ~= nil then behind.notes[#behind.notes + 1] = { behind.n, note.kind, skus, note.detail } end
  shares.behind[id], shares.changed[id], shares.noted.untold[id] = behind, true, true
end

local putMessage, forgetMessage = messages.put, messages.forget

local function noteChanged(before, after)
  local either = after or before
  if either.key ~= either.reservationId then return end
  local skus = foreignSkus(before)
  for _, sku in ipairs(foreignSkus(after)) do skus[#skus + 1] = sku end
  if #skus > 0 then noteBehind(either.reservationId, skus, nil) end
end

function messages.put(message)
  local before = messages.find(message.id)
  putMessage(message)
  noteChanged(before, message)
end

function messages.forget(id)
  local before = messages.find(id)
  forgetMessage(id)
  if before ~= nil then noteChanged(before, nil) end
end

-- In the ledgers of all its SKUs, of which each shard has its own.
function outbox.note(kind, message, detail)
  detail.message, detail.reservation_id = message.id, message.reservationId
  for _, sku in ipairs(outbox.skusOf(message)) do
    if outbox.counts(sku) then book.append(kind, sku, nil, 0, 0, 0, 0, detail) end
  end
  local skus = foreignSkus(message)
  if #skus > 0 then noteBehind(message.reservationId, skus, { kind = kind, detail = detail }) end
end

function shares.hasOpenSale(id)
  for _, message in ipairs(messages.ofReservation(id)) do
    if message.kind == 'sale' and message.state ~= 'delivered' then return true end
  end
  return false
end

local acknowledgePlain = outbox.acknowledgeIfTold

-- Of a cart only the home says so, when it is told everywhere.
function outbox.acknowledgeIfTold(id)
  local reservation = book.reservation(id)
  if reservation ~= nil and reservation.step == nil then return acknowledgePlain(id) end
  -- Also where the part has ended and was purged: the cart may be there still.
  if not shares.hasOpenSale(id) then
    redis.call('ZADD', CART.told, 'NX', book.now, id)
    carts.wrote = true
    shares.noted.told[id] = true
  end
  return false
end

-- What the cart's messages tell other shards, as JSON, under a number of its own; 'null' where they have heard it.
function shares.snapshotJson(id)
  if messages.head() == 0 then return 'null' end
  local behind = behindOf(id)
  if behind == nil then return 'null' end
  local told, skus, notes = {}, {}, {}
  for _, message in ipairs(messages.ofReservation(id)) do
    if message.key == id then
      told[#told + 1] = cjson.encode({ id = message.id, kind = message.kind, state = message.state, lines = message.lines })
    end
  end
  for index, sku in ipairs(behind.skus) do skus[index] = values.text(sku) end
  for index, note in ipairs(behind.notes) do notes[index] = cjson.encode(note) end
  return '{"v":' .. values.digits(messages.takeNumber()) .. ',"skus":' .. values.list(skus) .. ',"messages":'
    .. values.list(told) .. ',"notes":' .. values.list(notes) .. '}'
end

-- Every shard has heard what stood under the number `v`.
function shares.heard(id, v)
  local behind = behindOf(id)
  if behind == nil then return end
  if behind.n <= v then
    shares.behind[id] = false
  else
    local left = {}
    for _, note in ipairs(behind.notes) do
      if note[1] > v then left[#left + 1] = note end
    end
    behind.notes = left
  end
  shares.changed[id] = true
end

local function recordOf(id)
  return readOnce(shares.records, CART.shares, id)
end

-- `record` nil: nothing is known any more.
local function putRecord(id, record)
  shares.records[id] = record or false
  messages.noteShares(id)
  if record == nil then
    redis.call('HDEL', CART.shares, id)
    return
  end
  local kept = {}
  for index, message in ipairs(record.messages) do kept[index] = cjson.encode(message) end
  redis.call('HSET', CART.shares, id, '{"v":' .. values.digits(record.v) .. ',"messages":' .. values.list(kept) .. '}')
end

local function noteHere(note, since)
  if note[1] <= since then return end
  for _, sku in ipairs(note[3]) do
    if outbox.counts(sku) then book.append(note[2], sku, nil, 0, 0, 0, 0, note[4]) end
  end
end

-- { v, messages, notes }: what stood at home under the number v. Of a cart that was purged nothing new is taken.
-- Returns the number that was heard before where that one is not higher.
function shares.take(id, told)
  local record = recordOf(id)
  if record == nil and book.reservation(id) == nil then return end
  local since = record and record.v or 0
  if since >= told.v then return since end
  messages.takeNumber()
  local before, kept = {}, {}
  for _, message in ipairs(record and record.messages or {}) do before[message.id] = message end
  for _, message in ipairs(told.messages) do
    local known = before[message.id]
    if known ~= nil or message.state ~= 'delivered' then outbox.count(known, message) end
    before[message.id] = nil
    if message.state ~= 'delivered' then kept[#kept + 1] = message end
  end
  for _, message in pairs(before) do outbox.count(message, nil) end
  for _, note in ipairs(told.notes) do noteHere(note, since) end
  local isOver = #kept == 0 and book.reservation(id) == nil
  putRecord(id, not isOver and { v = told.v, messages = kept } or nil)
end

-- The reservation, part or cart was purged: what was delivered of it goes too.
function shares.purge(id)
  if outbox.keeps(id) then return end
  for _, message in ipairs(messages.ofReservation(id)) do
    if message.state == 'delivered' then forgetMessage(message.id) end
  end
  local record = recordOf(id)
  if record ~= nil and #record.messages == 0 then putRecord(id, nil) end
end

-- What a change of a cart means for its messages here (src/stores/redis/sharding/cart.ts).
function shares.change(id, change)
  local kind = change.type
  if kind == 'sale' then
    outbox.queueSale({ id = id, orderId = values.optional(change.orderId), lines = change.lines })
  elseif kind == 'adopt' then
    outbox.adoptOrder({ id = id, orderId = change.orderId })
  elseif kind == 'drop' then
    outbox.dropSale(id)
  elseif #messages.ofReservation(id) > 0 then
    local dead = kind == 'discard' and messages.find(change.message) or nil
    if dead ~= nil and dead.state == 'dead' then
      deadLetters.discard(dead, change.reason, 'restock')
    else
      outbox.queueCancellation(id, change.entries)
    end
  end
end

function shares.writeAll()
  for id in pairs(shares.changed) do
    local behind = shares.behind[id]
    if behind then
      local skus, notes = {}, {}
      for index, sku in ipairs(behind.skus) do skus[index] = values.text(sku) end
      for index, note in ipairs(behind.notes) do notes[index] = cjson.encode(note) end
      redis.call('HSET', CART.untold, id, '{"n":' .. values.digits(behind.n) .. ',"skus":' .. values.list(skus)
        .. ',"notes":' .. values.list(notes) .. '}')
    else
      redis.call('HDEL', CART.untold, id)
    end
  end
  shares.changed = {}
end

local function idsOf(found)
  local ids = {}
  for id in pairs(found) do ids[#ids + 1] = values.text(id) end
  return values.list(ids)
end

-- The carts that must hear of what this command did, as JSON, or nil: { untold: [id], told: [id] }.
function shares.takeNoted()
  local noted = shares.noted
  shares.noted = { untold = {}, told = {} }
  if next(noted.untold) == nil and next(noted.told) == nil then return nil end
  return '{"untold":' .. idsOf(noted.untold) .. ',"told":' .. idsOf(noted.told) .. '}'
end

-- { limit }: what has become due: [when it came to be, id], oldest first.
function steps.outbox_due(command)
  local found = {}
  for index, head in ipairs(messages.dueHeads(command.limit)) do
    found[index] = '[' .. values.digits(head.createdAt) .. ',' .. values.digits(head.id) .. ']'
  end
  return values.list(found)
end

-- { number }: whatever is written from now on has a higher one.
function steps.outbox_raise(command)
  messages.raise(command.number)
  return OK
end

-- { id, change }: a dead letter of a cart of which nothing is left to be cancelled.
function steps.outbox_discard(command)
  shares.change(command.id, command.change)
  return OK
end

-- { id }: is a sale of the cart still to be told here?
function steps.outbox_open(command)
  return tostring(shares.hasOpenSale(command.id))
end

-- { id }: its home has found out.
function steps.outbox_settled(command)
  if redis.call('ZREM', CART.told, command.id) == 1 then carts.wrote = true end
  return OK
end

-- { limit }: what may have been left by somebody who is no more: ids.
function steps.outbox_pending(command)
  local function first(ids)
    local found = {}
    for index = 1, math.min(#ids, command.limit) do found[index] = values.text(ids[index]) end
    return values.list(found)
  end
  local told = redis.call('ZRANGE', CART.told, 0, command.limit - 1)
  return '{"untold":' .. first(redis.call('HKEYS', CART.untold)) .. ',"told":' .. first(told) .. '}'
end

-- { lease, token, holder }: is that tenure the latest, as far as is known here?
function steps.check_lease(command)
  return tostring(leases.isLatest(command.lease, command.token, command.holder))
end

end
