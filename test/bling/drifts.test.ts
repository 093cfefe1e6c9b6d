/**
 * T17 with the real connector before a simulated Bling over HTTP: somebody moves stock there at any moment of reserving,
 * confirming, lapsing, cancelling, pushing and acknowledging. Each drift is found to the unit, none is invented, and
 * every reservation ends as it would have ended without.
 */
import assert from 'node:assert/strict';
import { relative } from 'node:path';
import { describe, it } from 'node:test';
import type { BlingSettings } from '../../src/connectors/bling/settings.ts';
import { setting } from '../faults/chance.ts';
import type { Lifetime } from '../support/temp-dir.ts';
import { liveWithDrifts, type DriftTale } from './drift-history.ts';
import type { Wrapping } from './life.ts';
import { believesAnyBalance } from './planted.ts';

const MODES: readonly BlingSettings['orderMode'][] = ['order', 'movement', 'observe'];
/** In each mode. */
const DRIFTS = setting('HOLDFAST_DRIFTS', 30);
const SEED = setting('HOLDFAST_SEED', 1);

async function liveOnce(
  mode: BlingSettings['orderMode'],
  drifts: number,
  wrapping: Wrapping = {},
): Promise<DriftTale> {
  const endings: (() => unknown)[] = [];
  const lifetime: Lifetime = { after: (done) => endings.unshift(done) };
  try {
    return await liveWithDrifts(lifetime, mode, SEED, drifts, wrapping);
  } catch (error) {
    const file = relative(process.cwd(), import.meta.filename);
    const again = `HOLDFAST_SEED=${SEED} HOLDFAST_DRIFTS=${drifts} npx node --test --test-name-pattern=${mode} ${file}`;
    throw new Error(`mode ${mode}: ${(error as Error).message}\nAgain: ${again}`, { cause: error });
  } finally {
    for (const done of endings) await done();
  }
}

describe('drifts among sales in flight', () => {
  for (const mode of MODES) {
    it(`mode ${mode}: all are found, none is invented, no reservation is touched`, async (t) => {
      const tale = await liveOnce(mode, DRIFTS);
      const { planted, found, passing, compared, overtaken, runs, sales } = tale;
      t.diagnostic(
        `seed ${SEED}: ${planted} planted, ${found} found, invented 0, ${passing} for orders not seen yet; ${runs} runs, ` +
          `${compared} balances compared, ${overtaken} overtaken; ${sales} sales, ` +
          `${tale.confirmed} live reservations confirmed, ${tale.lapsed} lapsed`,
      );
      assert.ok(found === DRIFTS && overtaken > 0 && sales > 0);
    });
  }

  for (const mode of ['order', 'movement'] as const) {
    it(`mode ${mode}: a build that drops the fence is found out`, async (t) => {
      const blind = liveOnce(mode, 1_000, { store: believesAnyBalance });
      await assert.rejects(blind, (error: Error) => {
        t.diagnostic(error.message);
        return /differs by/.test(error.message);
      });
    });
  }
});
