/**
 * What so many reserves a second would take, from the cost of one as `npm run bench:redis` measures it, and a simulation
 * of that fleet which shows whether it holds, and what breaks first: `node bench/million.ts [--per-second 1000000]
 * [--instance-micros 45] [--call-micros 50] [--command-micros 12] [--bytes 400] [--round-trip-micros 500]
 * [--busy 0.7] [--seconds 0.2] [--seed 1]`. Costs are of one core each; `busy`: how much of it may be used.
 */
import { parseArgs } from 'node:util';
import { simulate, type Fleet } from './support/fleet.ts';
import { count } from './support/table.ts';

const { values } = parseArgs({
  options: {
    'per-second': { type: 'string', default: '1000000' },
    'instance-micros': { type: 'string', default: '45' },
    'call-micros': { type: 'string', default: '50' },
    'command-micros': { type: 'string', default: '12' },
    bytes: { type: 'string', default: '400' },
    'round-trip-micros': { type: 'string', default: '500' },
    busy: { type: 'string', default: '0.7' },
    seconds: { type: 'string', default: '0.2' },
    seed: { type: 'string', default: '1' },
  },
});
const number = (name: keyof typeof values): number => Number(values[name]);
const perSecond = number('per-second');
const [callMicros, commandMicros] = [number('call-micros'), number('command-micros')];
const [busy, seconds, seed] = [number('busy'), number('seconds'), number('seed')];
const FULL_CALL = 256;

/** The smallest fleet of which no thread is busier than it may be, if each call carries so many commands. */
function fleetFor(perCall: number): Fleet {
  const serverMicros = commandMicros + callMicros / perCall;
  return {
    instances: Math.ceil((perSecond * number('instance-micros')) / 1e6 / busy),
    shards: Math.ceil((perSecond * serverMicros) / 1e6 / busy),
    instanceMicros: number('instance-micros'),
    callMicros,
    commandMicros,
    roundTripMicros: number('round-trip-micros'),
  };
}

console.log(
  `${count(perSecond)} reserves a second, by arithmetic (threads at most ${busy} busy):\n`,
);
console.log('| commands per call | shards | instances | network, Gbit/s | per shard, Mbit/s |');
console.log('| --- | --- | --- | --- | --- |');
for (const perCall of [1, 4, 16, FULL_CALL]) {
  const { shards, instances } = fleetFor(perCall);
  const gigabits = (perSecond * number('bytes') * 8) / 1e9;
  const each = ((gigabits / shards) * 1000).toFixed(0);
  console.log(`| ${perCall} | ${shards} | ${instances} | ${gigabits.toFixed(1)} | ${each} |`);
}

const CASES: readonly (readonly [name: string, load: number, fleet: Fleet, hotShare: number])[] = [
  ['sized for full calls', 1, fleetFor(FULL_CALL), 0],
  ['sized for 4 commands per call', 1, fleetFor(4), 0],
  ['sized for single commands', 1, fleetFor(1), 0],
  ...[1.2, 1.4, 1.6].map((load) => ['the same', load, fleetFor(1), 0] as const),
  ...[0.01, 0.03, 0.05, 0.1].map(
    (share) => [`the same, one SKU is ${share * 100}% of it`, 1, fleetFor(1), share] as const,
  ),
];
console.log(`\nSimulated for ${seconds} s each:\n`);
console.log(
  '| fleet | shards, instances | load | answered | p50, ms | p99, ms | commands per call | busiest shard | busiest instance |',
);
console.log('| --- | --- | --- | --- | --- | --- | --- | --- | --- |');
for (const [name, load, fleet, hotShare] of CASES) {
  const outcome = simulate(fleet, { perSecond: perSecond * load, seconds, hotShare, seed });
  const cells = [
    name,
    `${fleet.shards}, ${fleet.instances}`,
    `${load.toFixed(1)} ×`,
    `${(outcome.answered * 100).toFixed(1)}%`,
    outcome.p50Ms.toFixed(1),
    outcome.p99Ms.toFixed(1),
    outcome.perCall.toFixed(1),
    outcome.shardBusy.toFixed(2),
    outcome.instanceBusy.toFixed(2),
  ];
  console.log(`| ${cells.join(' | ')} |`);
}
const full = 1e6 / (commandMicros + callMicros / FULL_CALL);
console.log(`\nOne SKU is one shard's: at most ${count(full)} reserves a second of it.`);
