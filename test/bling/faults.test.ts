/**
 * T16 with the real connector before a simulated Bling over HTTP: outages, lost, late, garbled and refused calls,
 * duplicates, tokens that expire, and a process that is killed at any step.
 */
import assert from 'node:assert/strict';
import { relative } from 'node:path';
import { describe, it } from 'node:test';
import type { BlingSettings } from '../../src/connectors/bling/settings.ts';
import { setting } from '../faults/chance.ts';
import type { Lifetime } from '../support/temp-dir.ts';
import { live, type Tale } from './history.ts';
import type { Wrapping } from './life.ts';
import { PLANTED } from './planted.ts';

const MODES: readonly BlingSettings['orderMode'][] = ['order', 'movement', 'observe'];
const SEEDS = setting('HOLDFAST_ERP_SEEDS', 1);
/** A build that lives through so many histories is not found out. */
const MOST_SEEDS_OF_PLANTED = 20;
const FIRST_SEED = setting('HOLDFAST_SEED', 1);

/** One history; where it fails, the message says how to see it again. */
async function liveOnce(
  mode: BlingSettings['orderMode'],
  seed: number,
  wrapping: Wrapping = {},
): Promise<Tale> {
  const endings: (() => unknown)[] = [];
  const lifetime: Lifetime = { after: (done) => endings.unshift(done) };
  try {
    return await live(lifetime, mode, seed, wrapping);
  } catch (error) {
    const file = relative(process.cwd(), import.meta.filename);
    const again = `HOLDFAST_SEED=${seed} HOLDFAST_ERP_SEEDS=1 npx node --test --test-name-pattern=${mode} ${file}`;
    throw new Error(`mode ${mode}, seed ${seed}: ${(error as Error).message}\nAgain: ${again}`, {
      cause: error,
    });
  } finally {
    for (const done of endings) await done();
  }
}

describe('the loop to Bling', () => {
  for (const mode of MODES) {
    it(`mode ${mode}: no sale is lost, none told twice, whatever happens between`, async (t) => {
      const tales: Tale[] = [];
      for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed += 1) {
        tales.push(await liveOnce(mode, seed));
      }
      const sum = (of: (tale: Tale) => number) =>
        tales.reduce((total, tale) => total + of(tale), 0);
      t.diagnostic(
        `${SEEDS} seeds from ${FIRST_SEED}: ${sum(({ sales }) => sales)} sales, ${sum(({ calls }) => calls)} calls, ` +
          `${sum(({ faults }) => faults)} of them in trouble, ${sum(({ kills }) => kills)} kills, ` +
          `${sum(({ webhooks }) => webhooks)} webhooks, ${sum(({ reconnects }) => reconnects)} connected again, ` +
          `${Math.round(sum(({ hours }) => hours))} simulated hours; largest backlog ${Math.max(...tales.map(({ backlog }) => backlog))}; lost 0, twice 0`,
      );
      assert.ok(sum(({ sales }) => sales) > 0);
    });
  }

  for (const mode of ['order', 'movement'] as const) {
    for (const { name, wrapping, found, from } of PLANTED) {
      it(`mode ${mode}: a build that ${name} is found out`, async (t) => {
        const first = setting('HOLDFAST_SEED', from[mode]);
        for (let seed = first; ; seed += 1) {
          assert.ok(seed < first + MOST_SEEDS_OF_PLANTED, `${name}: not found out`);
          const failure = await liveOnce(mode, seed, wrapping).then(
            () => null,
            (error: unknown) => error as Error,
          );
          if (failure === null) continue;
          const [line = ''] = failure.message.split('\n');
          assert.match(line, found);
          t.diagnostic(`found out by seed ${seed}: ${line}`);
          return;
        }
      });
    }
  }
});
