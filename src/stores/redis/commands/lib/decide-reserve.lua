-- reserve: claim stock for a limited time, or say exactly what is short. Translates src/core/decide/reserve.ts.
-- Needs: verbs

-- The first cause in this order is the one worth telling.
local GRAVITY = { 'unknown_sku', 'not_on_sale', 'customer_required', 'max_per_order', 'max_per_customer' }

-- What stands against the rest of a line for want of stock.
local function shortOf(level, requested)
  local left = levels.available(level)
  -- Below a shortfall the active lines may all lapse and still leave nothing: no chance to promise.
  local mayComeBack = level.reserved > 0 and levels.uncommitted(level) + level.reserved > 0
  local nextExpiry = mayComeBack and book.nextExpiry(level.sku) or nil
  local reason = left > 0 and 'insufficient_stock' or nextExpiry == nil and 'sold_out' or 'all_reserved'
  return {
    code = reason, short = {
      sku = level.sku, requested = requested, available = left, reason = reason,
      nextExpiryAt = values.orNull(nextExpiry),
    },
  }
end

-- How much of it the SKU's policy lets this customer have now, and what stands against the rest.
local function weighPolicy(level, quantity, customerId)
  local sku, policy = level.sku, level.policy
  local opensAt, closesAt = policy.opensAt, policy.closesAt
  if (opensAt ~= nil and book.now < opensAt) or (closesAt ~= nil and book.now >= closesAt) then
    return 0, {
      code = 'not_on_sale', sku = sku, opensAt = values.orNull(opensAt), closesAt = values.orNull(closesAt),
    }
  end
  local granted, obstacle = quantity, nil
  if policy.maxPerOrder ~= nil and granted > policy.maxPerOrder then
    granted = policy.maxPerOrder
    obstacle = { code = 'max_per_order', sku = sku, limit = granted, requested = quantity }
  end
  local limit = policy.maxPerCustomer
  if limit ~= nil then
    if customerId == nil then return 0, { code = 'customer_required', sku = sku } end
    local units = held.units(sku, customerId)
    local left = math.max(0, limit - units)
    if granted > left then
      granted = left
      obstacle = obstacle
        or { code = 'max_per_customer', sku = sku, limit = limit, held = units, requested = quantity }
    end
  end
  return granted, obstacle
end

-- How much of a line can be granted, and what stands against the rest, if anything.
local function weigh(sku, quantity, customerId)
  local level = book.level(sku)
  if level == nil then return 0, { code = 'unknown_sku', sku = sku } end
  local granted, obstacle = quantity, nil
  if level.policy ~= NO_POLICY then
    granted, obstacle = weighPolicy(level, quantity, customerId)
    if granted == 0 then return 0, obstacle end
  end
  if granted > levels.available(level) then
    granted = levels.available(level)
    obstacle = obstacle or shortOf(level, quantity)
  end
  return granted, obstacle
end

-- One refusal naming every short SKU; it promises a next chance only if each may have one.
local function shortRejection(obstacles)
  local short, reasons, latest, chances = {}, {}, 0, 0
  for _, obstacle in ipairs(obstacles) do
    local each = obstacle.short
    short[#short + 1] = each
    reasons[each.reason] = true
    local at = values.optional(each.nextExpiryAt)
    if at ~= nil then
      chances = chances + 1
      latest = math.max(latest, at)
    end
  end
  local code = reasons.sold_out and 'sold_out' or reasons.insufficient_stock and 'insufficient_stock' or 'all_reserved'
  -- The cart needs all of its SKUs, so the latest of their next chances is its own.
  local promised = code ~= 'sold_out' and chances == #short
  return { code = code, short = short, nextExpiryAt = promised and latest or values.orNull(nil) }
end

local function gravest(obstacles)
  for _, code in ipairs(GRAVITY) do
    local skus = {}
    for _, obstacle in ipairs(obstacles) do
      if obstacle.code == code then
        if code ~= 'unknown_sku' then return obstacle end
        skus[#skus + 1] = obstacle.sku
      end
    end
    if #skus > 0 then return { code = code, skus = skus } end
  end
  return shortRejection(obstacles)
end

local function grant(command, customerId, ttlSeconds, lines, refused)
  book.put({
    id = command.reservationId, status = 'active', lines = lines, customerId = customerId, createdAt = book.now,
    expiresAt = book.now + rules.lifetimeSeconds(ttlSeconds, lines) * 1000, reacquired = false, refundRequired = false,
    cancellations = {},
  })
  for _, line in ipairs(lines) do
    book.append('reserve', line.sku, command.reservationId, 0, line.quantity, 0, 0, nil)
  end
  return '{"ok":true,"type":"reserve","reservation":' .. book.told(command.reservationId) .. ',"refused":' .. values.list(refused) .. '}'
end

-- The command's id names a reservation already: the same command gets it as it stands, any other is refused.
local function reserveAgain(known, customerId, wanted)
  local same = known.customerId == customerId and #known.lines == #wanted
  for index, line in ipairs(known.lines) do
    same = same and line.sku == wanted[index].sku and line.quantity == wanted[index].quantity
  end
  if not same then
    return answers.rejected('reserve', { code = 'reservation_exists', reservationId = known.id })
  end
  return '{"ok":true,"type":"reserve","reservation":' .. book.told(known.id) .. ',"refused":[]}'
end

-- Returns the answer, and whether anything was granted.
function verbs.reserve(command)
  local customerId, ttlSeconds = values.optional(command.customerId), values.optional(command.ttlSeconds)
  local wanted = lapse.sumLines(command.lines)
  local known = lapse.settled(command.reservationId)
  if known ~= nil then return reserveAgain(known, customerId, wanted), false end
  lapse.makeRoom(wanted)
  local most = rules.given.maxTtlSeconds
  if ttlSeconds ~= nil and ttlSeconds > most then
    return answers.rejected('reserve', { code = 'ttl_out_of_range', maxTtlSeconds = most }), false
  end
  for _, line in ipairs(wanted) do
    if line.quantity > MAX_QUANTITY then
      return answers.rejected('reserve', {
        code = 'quantity_out_of_range', sku = line.sku, limit = MAX_QUANTITY, requested = line.quantity,
      }), false
    end
  end
  local obstacles, lines, refused = {}, {}, {}
  for _, line in ipairs(wanted) do
    local granted, obstacle = weigh(line.sku, line.quantity, customerId)
    if granted > 0 then
      lines[#lines + 1] = { sku = line.sku, quantity = granted, confirmed = 0, cancelled = 0 }
    end
    if obstacle ~= nil then
      obstacles[#obstacles + 1] = obstacle
      refused[#refused + 1] = cjson.encode({
        sku = line.sku, requested = line.quantity, granted = granted, reason = obstacle.code,
      })
    end
  end
  if #obstacles > 0 and (not command.allowPartial or #lines == 0) then
    return answers.rejected('reserve', gravest(obstacles)), false
  end
  return grant(command, customerId, ttlSeconds, lines, refused), true
end
