import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { manual } from './control/routes.ts';

interface Manual {
  readonly routes: { readonly path: string }[];
  readonly switches: { readonly name: string; readonly default: unknown; readonly about: string }[];
  readonly faults: Record<string, string>;
}

const docs = readFileSync(join(import.meta.dirname, '../../docs/simulators.md'), 'utf8');

function tableAfter(heading: string): string[] {
  const section = docs.split(`### ${heading}\n`)[1]?.split('\n#')[0] ?? '';
  return section.split('\n').filter((line) => line.startsWith('| `'));
}

test('docs/simulators.md lists every switch and every fault, word for word', () => {
  const { switches, faults } = manual() as unknown as Manual;
  const rows = switches.map(
    ({ name, default: initial, about }) =>
      `| \`${name}\` | \`${JSON.stringify(initial)}\` | ${about} |`,
  );
  assert.deepEqual(tableAfter('Switches'), rows);
  const kinds = Object.entries(faults).map(([kind, about]) => `| \`${kind}\` | ${about} |`);
  assert.deepEqual(tableAfter('Faults'), kinds);
});

test('docs/simulators.md names every route of the control API', () => {
  const { routes } = manual() as unknown as Manual;
  for (const { path } of routes) assert.ok(docs.includes(path), path);
});
