-- Where each verb puts its function, command -> answer, and what all of them go by.
-- Needs: values answers lapse memory-reads
local verbs = {}
local rules = {}

-- The lifetime asked for (nil: none) or the SKU's own, whichever is shorter.
function rules.shortest(asked, sku)
  local limit = book.level(sku).policy.ttlSeconds
  if limit ~= nil and (asked == nil or limit < asked) then return limit end
  return asked
end

-- A SKU's policy is both its default and its longest lifetime; the shortest of a cart's SKUs rules the cart.
function rules.lifetimeSeconds(asked, lines)
  local shortest = asked
  for _, line in ipairs(lines) do shortest = rules.shortest(shortest, line.sku) end
  return shortest or rules.given.ttlSeconds
end
