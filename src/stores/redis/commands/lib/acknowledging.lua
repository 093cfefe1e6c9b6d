-- What is confirmed and not cancelled leaves the promises and the shelf together.
-- Needs: book-changes levels

local function appendAcknowledgement(reservation)
  for _, line in ipairs(reservation.lines) do
    local units = line.confirmed - line.cancelled
    if units > 0 then
      local gone, detail = levels.leaves(book.level(line.sku).onHand, units)
      book.append('acknowledge', line.sku, reservation.id, -gone, 0, -units, 0, detail)
    end
  end
end
