#!lua flags=no-writes
-- Units of KEYS[1].
-- Needs: stock
return stock.left()
