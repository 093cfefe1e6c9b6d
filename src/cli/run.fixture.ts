/** The command line with nothing behind it but what a test gives. */
import assert from 'node:assert/strict';
import type { CliParts } from './cli-parts.ts';
import { runCli } from './program.ts';

/** What it ended with and said. Parts that are not given fail the test when they are used. */
export async function runWith(
  args: readonly string[],
  parts: Partial<CliParts> = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  const said = { stdout: '', stderr: '' };
  const missing = (): never => assert.fail('not needed here');
  const code = await runCli([...args], {
    io: {
      stdout: { write: (text) => (said.stdout += text) },
      stderr: { write: (text) => (said.stderr += text) },
      env: {},
    },
    version: '1.2.3',
    settings: () => settingsFor('http://127.0.0.1:8000'),
    startService: missing,
    openBooks: missing,
    openDataFolder: missing,
    openKeyFile: missing,
    openBling: missing,
    ...parts,
  });
  return { code, ...said };
}

export function settingsFor(serviceUrl: string): ReturnType<CliParts['settings']> {
  return { lines: [], warnings: [], dataDir: './data', clientKey: null, serviceUrl };
}
