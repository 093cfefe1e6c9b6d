#!/usr/bin/env node
// Starts src/main.ts on a Node that can run it. Plain JavaScript on purpose: an older Node must
// get as far as finding a newer one, or as saying that there is none.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import module from 'node:module';
import { constants, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { isNewEnough, tooOldMessage } from './required-node.js';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const MAIN = join(ROOT, 'src', 'main.ts');

// Releases of Node 24 before this one announce type stripping and node:sqlite as experimental.
// That is news for us, not for the people who run the service.
const QUIET_FLAG = '--disable-warning=ExperimentalWarning';
const QUIET_SINCE_MINOR = 21;

/** The Node of the npm package `node`, beside us or in any folder above (hoisted installs). */
function findBundledNode() {
  const names = process.platform === 'win32' ? ['node.exe'] : ['node'];
  for (let folder = ROOT; ; folder = dirname(folder)) {
    for (const name of names) {
      for (const place of [join('node', 'bin', name), join('.bin', name)]) {
        const candidate = join(folder, 'node_modules', place);
        if (existsSync(candidate) && runsMain(candidate)) return candidate;
      }
    }
    if (dirname(folder) === folder) return undefined;
  }
}

/** Asks the binary itself: a download for another platform or an old version does not count. */
function runsMain(binary) {
  const { status, stdout } = spawnSync(binary, ['--version'], { encoding: 'utf8' });
  return status === 0 && isNewEnough(stdout.trim());
}

/** Carries on as another process where the platform can, else as the parent that hides itself. */
function continueAs(binary) {
  const args = [QUIET_FLAG, ...process.execArgv, MAIN, ...process.argv.slice(2)];
  if (typeof process.execve === 'function' && process.platform !== 'win32') {
    process.execve(binary, [binary, ...args], process.env);
  }
  const child = spawn(binary, args, { stdio: 'inherit' });
  // A terminal sends its Ctrl-C to the child as well, which must see it once, not twice.
  const onTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR2', 'SIGBREAK'];
  for (const signal of signals.filter((name) => name in constants.signals)) {
    process.on(signal, () => {
      if (signal !== 'SIGINT' || !onTerminal) child.kill(signal);
    });
  }
  child.on('error', (error) => {
    console.error(`holdfast: cannot start ${binary}: ${error.message}`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code);
    // Whoever watches us sees the end that the child had.
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

/** True when this very process would print warnings that a flag at its start had kept away. */
function wouldWarn() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  const flags = [...process.execArgv, process.env.NODE_OPTIONS ?? ''].join(' ');
  return major === 24 && minor < QUIET_SINCE_MINOR && !flags.includes(QUIET_FLAG);
}

if (isNewEnough(process.versions.node)) {
  if (wouldWarn() && typeof process.execve === 'function' && process.platform !== 'win32') {
    continueAs(process.execPath);
  }
  process.argv[1] = MAIN;
  // Keeps the compiled modules beside the system's temporary files: the next start takes half the time. Threads look
  // for the folder in the environment.
  process.env.NODE_COMPILE_CACHE ??= join(tmpdir(), 'node-compile-cache');
  module.enableCompileCache?.();
  await import(pathToFileURL(MAIN).href);
} else {
  const binary = findBundledNode();
  if (binary === undefined) {
    console.error(tooOldMessage());
    process.exitCode = 1;
  } else {
    continueAs(binary);
  }
}
