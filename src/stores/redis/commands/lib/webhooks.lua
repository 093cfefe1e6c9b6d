-- Webhooks of the ERP that were accepted. All keys in one slot, in this order:
--   1 meta    hash: number of the newest, lastReceivedAt (epoch ms, of all there ever were)
--   2 order   sorted set: event ids of the pending ones by number
--   3 bodies  hash: event id of a pending one -> what the client wrote (JSON)
--   4 seen    sorted set: every event id that is remembered, by when it was received (epoch ms)
local WEBHOOKS = { meta = KEYS[1], order = KEYS[2], bodies = KEYS[3], seen = KEYS[4] }
