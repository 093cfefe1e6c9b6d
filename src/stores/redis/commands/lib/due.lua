-- Cohorts whose deadline has passed.
-- Needs: cohorts book-reads
cohorts.spent = {}

-- Looked at by one call at most; the rest is another's.
local MOST_COHORTS = 256

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
