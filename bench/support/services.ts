/** Starts what is measured, each as a process of its own on a free port of 127.0.0.1, and stops it. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Service {
  readonly url: string;
  readonly pid: number;
  readonly dataDir: string | null;
  stop(): Promise<void>;
}

const ROOT = join(import.meta.dirname, '..', '..');
const NODE_FLAGS = ['--disable-warning=ExperimentalWarning'];

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => {
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });
  });
}

/** An answer whose body nobody reads keeps its connection, and fails the process when the service closes it. */
export async function drain(answer: Response): Promise<void> {
  await answer.arrayBuffer();
}

async function untilAnswering(url: string, child: ChildProcess): Promise<void> {
  for (let attempt = 0; attempt < 600; attempt += 1) {
    if (child.exitCode !== null) throw new Error(`the service ended with ${child.exitCode}`);
    try {
      await drain(await fetch(url));
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  throw new Error(`no answer from ${url} within 30 s`);
}

const children = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

/** Whatever becomes of the bench, no service outlives it. */
function own(child: ChildProcess): ChildProcess {
  children.add(child);
  child.once('exit', () => children.delete(child));
  return child;
}

function stopper(child: ChildProcess): () => Promise<void> {
  return () =>
    new Promise((resolve) => {
      if (child.exitCode !== null || child.signalCode !== null) {
        resolve();
        return;
      }
      child.once('exit', () => {
        resolve();
      });
      child.kill('SIGTERM');
    });
}

/** `store`: as HOLDFAST_STORE. `settings`: environment variables besides the store, the port and the data folder. */
export async function startHoldfast(
  store: string,
  settings: Record<string, string> = {},
  keptDataDir?: string,
): Promise<Service> {
  const port = await freePort();
  const dataDir = keptDataDir ?? mkdtempSync(join(tmpdir(), 'holdfast-bench-'));
  const child = own(
    spawn(process.execPath, [...NODE_FLAGS, join(ROOT, 'bin/holdfast.js'), 'serve'], {
      env: {
        ...process.env,
        HOLDFAST_PORT: String(port),
        HOLDFAST_STORE: store,
        HOLDFAST_DATA_DIR: dataDir,
        ...settings,
      },
      stdio: ['ignore', 'ignore', 'inherit'],
    }),
  );
  const url = `http://127.0.0.1:${port}`;
  await untilAnswering(`${url}/healthz`, child);
  const stop = stopper(child);
  return {
    url,
    pid: child.pid ?? 0,
    dataDir,
    stop: async () => {
      await stop();
      if (keptDataDir === undefined) rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** A Fastify handler that decides nothing and answers the reserve shape: the denominator. */
export async function startBare(): Promise<Service> {
  const port = await freePort();
  const script = join(ROOT, 'bench/bare-server.ts');
  const child = own(
    spawn(process.execPath, [...NODE_FLAGS, script, String(port)], {
      stdio: ['ignore', 'ignore', 'inherit'],
    }),
  );
  const url = `http://127.0.0.1:${port}`;
  await untilAnswering(url, child);
  return { url, pid: child.pid ?? 0, dataDir: null, stop: stopper(child) };
}

/** The Python prototype, or null where FastAPI and uvicorn are not installed. */
export async function startPrototype(): Promise<Service | null> {
  const probe = spawnSync('/usr/bin/python3', ['-c', 'import fastapi, uvicorn']);
  if (probe.status !== 0) return null;
  const port = await freePort();
  const args = ['-m', 'uvicorn', 'main:app', '--port', String(port), '--log-level', 'warning'];
  const child = own(
    spawn('/usr/bin/python3', args, {
      cwd: join(ROOT, 'bench/prototype'),
      env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
      stdio: ['ignore', 'ignore', 'inherit'],
    }),
  );
  const url = `http://127.0.0.1:${port}`;
  await untilAnswering(url, child);
  return { url, pid: child.pid ?? 0, dataDir: null, stop: stopper(child) };
}

export async function putStock(url: string, sku: string, onHand: number): Promise<void> {
  const answer = await fetch(`${url}/stock/${sku}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ on_hand: onHand }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`PUT ${sku}: ${answer.status} ${text}`);
}

export async function readStock(url: string, sku: string): Promise<{ readonly reserved: number }> {
  const answer = await fetch(`${url}/stock/${sku}`);
  if (!answer.ok) throw new Error(`GET ${sku}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as { reserved: number };
}
