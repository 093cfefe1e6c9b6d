// Runs Node's test runner on the files that the arguments name. Plain JavaScript, for the same reason as require-node.
// The runner leaves one core free, but runs three files at least: most of them wait for a service, a disk or a clock.
import { spawn } from 'node:child_process';
import os from 'node:os';
import { join } from 'node:path';
import './require-node.js';

const AT_ONCE = Math.max(3, os.availableParallelism() - 1);
/** No test file may take longer, in ms. */
const TIMEOUT_MS = 600_000;

const child = spawn(
  process.execPath,
  [
    '--test',
    '--test-reporter=spec',
    `--test-timeout=${TIMEOUT_MS}`,
    `--test-concurrency=${AT_ONCE}`,
    ...process.argv.slice(2),
  ],
  {
    stdio: 'inherit',
    // Each file is a process, and most of them load the same modules.
    env: { NODE_COMPILE_CACHE: join(os.tmpdir(), 'node-compile-cache'), ...process.env },
  },
);
child.on('exit', (code) => {
  process.exitCode = code ?? 1;
});
