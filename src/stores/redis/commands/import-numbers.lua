#!lua
-- The common numbers of ledgers that are imported (number-entries.lua gives them to what is written afterwards).
-- Keys, in the slot of the first shard: as number-entries.lua has them.
-- Argument: JSON, one of these
--   { step: 'empty' }
--   { step: 'load', ranges: [[common number of the last, shard, seq of the last there, how many]] }
--   { step: 'seal', total, numbered, cut, cutAt, exported, cuts }: numbered, cuts: of each shard the seq of its newest
--     entry, and of its last that was cut off.
-- Result: 1.
local asked = cjson.decode(ARGV[1])
if asked.step == 'empty' then
  redis.call('UNLINK', unpack(KEYS))
elseif asked.step == 'load' then
  for _, range in ipairs(asked.ranges) do
    local last, shard, to, count = range[1], range[2], range[3], range[4]
    redis.call('XADD', KEYS[2], last .. '-0', 's', shard, 'to', to, 'n', count)
    redis.call('XADD', KEYS[shard + 3], to .. '-0', 'g', last)
  end
else
  redis.call('HSET', KEYS[1], 'total', asked.total, 'cut', asked.cut, 'cutAt', asked.cutAt, 'exported', asked.exported)
  for index, seq in ipairs(asked.numbered) do
    redis.call('HSET', KEYS[1], index - 1, seq, 'cut:' .. (index - 1), asked.cuts[index])
  end
end
return 1
