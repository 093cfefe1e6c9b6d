/**
 * Asks sentinels who the primary is. Most of those in the address must agree: one that was cut off together with an
 * old primary would still send us there.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { talkTo, type ClientOptions } from './client.ts';
import type { HostPort } from './redis-address.ts';

export interface SentinelOptions extends ClientOptions {
  readonly sentinels: readonly HostPort[];
  readonly primaryName: string;
}

/** Throws, with the reason, where they do not agree or too few answer. */
export async function askSentinels(options: SentinelOptions): Promise<HostPort> {
  const { sentinels, primaryName } = options;
  const answers = await Promise.allSettled(sentinels.map((each) => askOne(each, options)));
  const votes = new Map<string, { count: number; primary: HostPort }>();
  const reasons: string[] = [];
  for (const [index, answer] of answers.entries()) {
    if (answer.status === 'rejected') {
      const { host, port } = sentinels[index] ?? { host: '', port: 0 };
      reasons.push(
        `${host}:${port}: ${String(answer.reason instanceof Error ? answer.reason.message : answer.reason)}`,
      );
      continue;
    }
    const { host, port } = answer.value;
    const vote = votes.get(`${host}:${port}`) ?? { count: 0, primary: answer.value };
    vote.count += 1;
    votes.set(`${host}:${port}`, vote);
  }
  const majority = Math.floor(sentinels.length / 2) + 1;
  const agreed = [...votes.values()].find(({ count }) => count >= majority);
  if (agreed !== undefined) return agreed.primary;
  const views = [...votes].map(([primary, { count }]) => `${count} say ${primary}`);
  throw new Error(
    `of ${sentinels.length} sentinels, ${majority} must agree on the primary "${primaryName}": ${[...views, ...reasons].join('; ')}`,
  );
}

function askOne(sentinel: HostPort, options: SentinelOptions): Promise<HostPort> {
  const { primaryName } = options;
  return talkTo(sentinel, options, async (ask) => {
    const answer = await ask('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', primaryName);
    if (!Array.isArray(answer)) throw new Error(`knows no primary of the name "${primaryName}"`);
    return { host: String(answer[0]), port: Number(answer[1]) };
  });
}

const LOOK_EVERY_MS = 500;
/** Looks in a row that must fail to show the same: one may be late on a busy machine. */
const LOOKS = 2;

/** Calls `onLeave` when the sentinels no longer agree on `current()`; returns the way to stop. */
export function watchSentinels(
  options: SentinelOptions,
  current: () => HostPort | null,
  onLeave: () => void,
): () => void {
  const stop = new AbortController();
  const watch = async (): Promise<void> => {
    let misses = 0;
    while (!stop.signal.aborted) {
      await sleep(LOOK_EVERY_MS, null, { signal: stop.signal, ref: false }).catch(() => null);
      const server = current();
      if (server === null) continue;
      const primary = await askSentinels(options).catch(() => null);
      const same = primary?.host === server.host && primary.port === server.port;
      misses = same ? 0 : misses + 1;
      if (primary === null ? misses >= LOOKS : !same) onLeave();
    }
  };
  void watch();
  return () => stop.abort();
}
