-- Where each verb puts its function, command -> answer, and what all of them go by.
-- Needs: values answers lapse memory
local verbs = {}
local rules = {}

-- A SKU's policy is both its default and its longest lifetime; the shortest of a cart's SKUs rules the cart.
function rules.lifetimeSeconds(asked, lines)
  local shortest = asked
  for _, line in ipairs(lines) do
    local limit = book.level(line.sku).policy.ttlSeconds
    if limit ~= nil and (shortest == nil or limit < shortest) then shortest = limit end
  end
  return shortest or rules.given.ttlSeconds
end
