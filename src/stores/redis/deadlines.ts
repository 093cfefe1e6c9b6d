/** Reservations by deadline, as `commands/lib/cohorts.lua` keeps them. */
import type { RedisConnection } from './connection/redis-connection.ts';

/** Cohorts that are read at once. */
const PAGE = 100;

/**
 * `id deadline` of every reservation that is looked at when that deadline has passed, some perhaps twice; among them such
 * as are active no more.
 */
export async function readDeadlines(
  connection: RedisConnection,
  key: string,
): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  let cursor = '0';
  do {
    const answer = await connection.read('ZSCAN', [key], [cursor, 'COUNT', PAGE]);
    const [next, pairs] = answer as [string, string[]];
    for (let index = 0; index < pairs.length; index += 2) {
      const deadline = Number(pairs[index + 1]);
      for (const id of (pairs[index] ?? '').split(' ')) found.add(`${id} ${deadline}`);
    }
    cursor = next;
  } while (cursor !== '0');
  return found;
}
