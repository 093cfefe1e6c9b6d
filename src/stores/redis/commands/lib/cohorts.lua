-- Reservations by deadline. Those that one call makes with the same deadline are one member of the set: their ids, up to
-- IDS_PER_COHORT, with blanks between them. Who is active no more, or has more time, is not taken out: whoever comes to a
-- cohort past its deadline looks which of its reservations are active with this deadline, and drops it when there is none.
-- Needs: book
local cohorts = { fresh = {}, at = false, write = false }

local IDS_PER_COHORT = 64

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
    local ids, score = cohorts.fresh[deadline], values.integer(deadline)
    for from = 1, #ids, IDS_PER_COHORT do
      members[#members + 1] = score
      members[#members + 1] = table.concat(ids, ' ', from, math.min(from + IDS_PER_COHORT - 1, #ids))
    end
  end
  cohorts.fresh = {}
  callMany('ZADD', KEY.deadlines, members)
end
