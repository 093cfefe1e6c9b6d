-- Plain reserves on one shard of several: parts of carts past their deadline are asked about first, and an id may be that
-- of a cart, or of one that was given up.
-- Needs: plain-reserves
local CARTS, PARTS = KEYS[#KEYS - 5], KEYS[#KEYS]

function plain.objection(whole)
  if redis.call('ZCOUNT', PARTS, '-inf', values.digits(book.now)) == 0 then return nil end
  local parts = whole().partsToAsk()
  if #parts > 0 then return { book.now, book.seq, '', '?' .. values.list(parts) } end
  return nil
end

function plain.takenAmong(ids)
  local taken = {}
  for from = 1, #ids, MOST_VALUES do
    local found = redis.call('HMGET', CARTS, unpack(ids, from, math.min(from + MOST_VALUES - 1, #ids)))
    for index, text in ipairs(found) do taken[from + index - 1] = text end
  end
  return taken
end
