-- Runs a batch of commands, in order, each a whole step, all at one moment; then writes what they changed.
-- Argument: JSON { now, notice, rules, commands: [{ command, key, fingerprint, fence }] }. now: see book.open; notice: is anybody listening? rules:
--   src/core/rules.ts; key, fingerprint: null without idempotency; fence, where a lease must still be held:
--   { lease, token, holder }, see lib/leases.lua. A command whose fence has fallen is answered null.
-- Result: [now, seq of the newest entry, what changed as JSON or '', then an answer as JSON for each command].
-- Needs: verbs leases
local batch = {}

-- Reads together what the commands name.
local function fetchAll(items)
  local ids, skus, seen = {}, {}, {}
  for _, item in ipairs(items) do
    local command = item.command
    if command.reservationId ~= nil then ids[#ids + 1] = command.reservationId end
    if command.type == 'reserve' then
      for _, line in ipairs(command.lines) do
        if not seen[line.sku] then
          seen[line.sku] = true
          skus[#skus + 1] = line.sku
        end
      end
    end
  end
  book.fetchReservations(ids)
  book.fetchLevels(skus)
end

local function decide(command)
  -- A refused reserve tidies nothing but what it weighed.
  if command.type ~= 'sweep' and command.type ~= 'reserve' then lapse.sweepInPassing() end
  local answer, granted = verbs[command.type](command)
  if command.type == 'reserve' and granted then lapse.sweepInPassing() end
  return answer
end

local function execute(item)
  local fence = item.fence
  if fence ~= nil and not leases.isLatest(fence.lease, fence.token, fence.holder) then return 'null' end
  local key = values.optional(item.key)
  if key == nil then return decide(item.command) end
  local known = memory.recall(key)
  if known == nil then
    local answer = decide(item.command)
    memory.remember(key, item.fingerprint, answer)
    return answer
  end
  if known.fingerprint == item.fingerprint then return known.answer end
  return answers.rejected(item.command.type, { code = 'idempotency_key_reused' })
end

local function noticeJson()
  local changed = {}
  for index, level in ipairs(cache.changed) do changed[index] = levels.changedJson(level) end
  return '{"expired":' .. values.list(lapse.recorded) .. ',"levels":' .. values.list(changed) .. '}'
end

function batch.run()
  local asked = cjson.decode(ARGV[1])
  rules.given = asked.rules
  book.open(asked.now)
  local objection = book.objection()
  if objection ~= nil then return redis.error_reply(objection) end
  local seqBefore = book.seq
  local result = { book.now, 0, '' }
  fetchAll(asked.commands)
  for index, item in ipairs(asked.commands) do result[index + 3] = execute(item) end
  book.write()
  result[2] = book.seq
  if asked.notice and book.seq > seqBefore then result[3] = noticeJson() end
  return result
end
