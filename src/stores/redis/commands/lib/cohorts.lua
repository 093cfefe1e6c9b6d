-- Reservations by deadline. Those that one call makes with the same deadline are one member of the set: their ids, up to
-- IDS_PER_COHORT, with blanks between them. Who is active no more, or has more time, is not taken out: whoever comes to a
-- cohort past its deadline looks which of its reservations are active with this deadline, and drops it when there is none.
-- Needs: book
local cohorts = { fresh = {}, spent = {} }

local IDS_PER_COHORT = 64
-- Looked at by one call at most; the rest is another's.
local MOST_COHORTS = 256

-- The list that takes the ids of fresh reservations with this deadline.
function cohorts.at(deadline)
  local ids = cohorts.fresh[deadline]
  if ids == nil then
    ids = {}
    cohorts.fresh[deadline] = ids
  end
  return ids
end

function cohorts.write()
  local deadlines = {}
  for deadline in pairs(cohorts.fresh) do deadlines[#deadlines + 1] = deadline end
  if #deadlines == 0 then return end
  -- Deadlines only grow: of two cohorts of the same ids the later one is true, and comes last.
  table.sort(deadlines)
  local members = {}
  for _, deadline in ipairs(deadlines) do
    local ids, score = cohorts.fresh[deadline], values.digits(deadline)
    for from = 1, #ids, IDS_PER_COHORT do
      members[#members + 1] = score
      members[#members + 1] = table.concat(ids, ' ', from, math.min(from + IDS_PER_COHORT - 1, #ids))
    end
  end
  cohorts.fresh = {}
  callMany('ZADD', KEY.deadlines, members)
end

-- The ids of those in the cohorts that are active with this deadline, in their order.
local function activeAmong(members, deadline)
  local ids, active = {}, {}
  for _, member in ipairs(members) do
    for id in string.gmatch(member, '[^ ]+') do ids[#ids + 1] = id end
  end
  book.fetchReservations(ids)
  table.sort(ids)
  local head = records.head('active', deadline)
  for index, id in ipairs(ids) do
    local text = id ~= ids[index - 1] and book.recordOf(id)
    if text and string.sub(text, 1, #head) == head then active[#active + 1] = id end
  end
  return active
end

-- Active reservations that have lapsed, by deadline, then id, at most `limit`; and whether these are all.
function cohorts.due(limit)
  cohorts.write()
  local found, spent, after, looked = {}, {}, '-inf', 0
  while #found < limit and looked < MOST_COHORTS do
    local deadline = redis.call('ZRANGEBYSCORE', KEY.deadlines, after, book.now, 'WITHSCORES', 'LIMIT', 0, 1)[2]
    if deadline == nil then
      cohorts.spent = spent
      return found, true
    end
    local members = redis.call('ZRANGEBYSCORE', KEY.deadlines, deadline, deadline, 'LIMIT', 0, MOST_COHORTS)
    local active = activeAmong(members, deadline)
    local room = limit - #found
    for index = 1, math.min(room, #active) do found[#found + 1] = book.reservation(active[index]) end
    if #active <= room then
      for _, member in ipairs(members) do spent[#spent + 1] = member end
    end
    looked = looked + #members
    after = '(' .. deadline
  end
  cohorts.spent = spent
  return found, false
end

-- The lapses that were found last are recorded: drops the cohorts that have nothing else.
function cohorts.dropSpent()
  callMany('ZREM', KEY.deadlines, cohorts.spent)
  cohorts.spent = {}
end
