/**
 * Leases over several shards. The first gives them; whoever has one tells it to every other shard before acting, and
 * each refuses all but the latest tenure that it has heard of. So an earlier holder does nothing anywhere once a later
 * one acts.
 */
import type { Leases } from '../../../engine/lease.ts';
import type { Shard } from '../shard.ts';

export function commonLeases(shards: readonly Shard[]): Leases {
  const [first, ...others] = shards as [Shard, ...Shard[]];
  return {
    acquire: async (lease, holder, lengthMs) => {
      for (let above = 0; ;) {
        const state = await first.acquireLease(lease, holder, lengthMs, above);
        if (state.holder !== holder) return state;
        const fence = { lease, token: state.token, holder };
        const known = await Promise.all(others.map((shard) => shard.installLease(fence, lengthMs)));
        const rivals = known.filter((each) => each.token !== state.token || each.holder !== holder);
        if (rivals.length === 0) return state;
        // The first has lost its newest changes, and gives tokens again that others know.
        above = Math.max(...rivals.map(({ token }) => token));
      }
    },
    release: (fence) => first.releaseLease(fence),
  };
}
