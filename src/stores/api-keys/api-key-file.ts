/**
 * API keys in `<data folder>/api-keys.json`: hashes only, readable by the owner only, replaced as a whole. A running
 * service looks at the file once a second, so that `holdfast keys create` and `revoke` take effect without a restart.
 */
import { open, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Type, type Static } from 'typebox';
import { Value } from 'typebox/value';
import {
  SCOPES,
  type ApiKeyDirectory,
  type ApiKeyRecord,
  type ApiKeyStore,
} from '../../engine/api-keys.ts';
import { makeFolder } from '../../engine/folder.ts';

const FILE_NAME = 'api-keys.json';
const LOOK_EVERY_MS = 1_000;
/** A change takes milliseconds: a lock this old was left behind by a process that died. */
const LOCK_STALE_MS = 10_000;
const LOCK_RETRY_MS = 25;

const Stored = Type.Object({
  version: Type.Literal(1),
  keys: Type.Array(
    Type.Object({
      id: Type.String({ minLength: 1 }),
      name: Type.String(),
      scopes: Type.Array(Type.Enum([...SCOPES]), { minItems: 1 }),
      secret_hash: Type.String({ pattern: '^[0-9a-f]{64}$' }),
      created_at: Type.String({ pattern: String.raw`^\d{4}-\d\d-\d\dT` }),
    }),
  ),
});

/** The file is there and is not what this program wrote. */
export class ApiKeyFileError extends Error {
  override readonly name = 'ApiKeyFileError';
}

export class ApiKeyFile implements ApiKeyDirectory, ApiKeyStore {
  readonly path: string;
  readonly #folder: string;
  #byId = new Map<string, ApiKeyRecord>();
  /** What the file looked like when it was last read. */
  #seen = '';
  #everEnabled = false;

  private constructor(folder: string) {
    this.#folder = folder;
    this.path = join(folder, FILE_NAME);
  }

  /** Throws `ApiKeyFileError` if the file cannot be understood: serving without its keys would open the service. */
  static async open(folder: string): Promise<ApiKeyFile> {
    const file = new ApiKeyFile(folder);
    await file.#refresh();
    return file;
  }

  find(id: string): ApiKeyRecord | undefined {
    return this.#byId.get(id);
  }

  /** Stays true when the last key is revoked: a service that had keys does not become open while it runs. */
  enabled(): boolean {
    return this.#everEnabled;
  }

  async list(): Promise<readonly ApiKeyRecord[]> {
    await this.#refresh();
    return [...this.#byId.values()];
  }

  async add(record: ApiKeyRecord): Promise<void> {
    await this.#change((records) => [...records, record]);
  }

  async revoke(id: string): Promise<boolean> {
    let found = false;
    await this.#change((records) => {
      const rest = records.filter((record) => record.id !== id);
      found = rest.length < records.length;
      return rest;
    });
    return found;
  }

  /** Takes up changes of the file until the returned function is called. `onError`: the keys stay as they were. */
  watch(onError: (error: unknown) => void): () => void {
    let looking = false;
    const timer = setInterval(() => {
      if (looking) return;
      looking = true;
      this.#refresh()
        .catch(onError)
        .finally(() => (looking = false));
    }, LOOK_EVERY_MS);
    timer.unref();
    return () => clearInterval(timer);
  }

  async #refresh(): Promise<void> {
    const seen = await this.#look();
    if (seen === this.#seen) return;
    // Remembered before reading: a file that cannot be read is complained of once, not every second.
    this.#seen = seen;
    const records = seen === '' ? [] : parse(await readFile(this.path, 'utf8'), this.path);
    this.#byId = new Map(records.map((record) => [record.id, record]));
    this.#everEnabled ||= records.length > 0;
  }

  /** Differs after every change, as each puts a new file in place; empty while there is none. */
  async #look(): Promise<string> {
    try {
      const { ino, mtimeMs, size } = await stat(this.path);
      return `${ino} ${mtimeMs} ${size}`;
    } catch (error) {
      if (isCode(error, 'ENOENT')) return '';
      throw error;
    }
  }

  async #change(change: (records: readonly ApiKeyRecord[]) => ApiKeyRecord[]): Promise<void> {
    makeFolder(this.#folder);
    const unlock = await this.#lock();
    try {
      this.#seen = '';
      await this.#refresh();
      await this.#write(change([...this.#byId.values()]));
      await this.#refresh();
    } finally {
      await unlock();
    }
  }

  /** Two commands at the same moment must not lose one another's key. */
  async #lock(): Promise<() => Promise<void>> {
    const path = `${this.path}.lock`;
    for (;;) {
      try {
        const handle = await open(path, 'wx', 0o600);
        await handle.close();
        return () => rm(path, { force: true });
      } catch (error) {
        if (!isCode(error, 'EEXIST')) throw error;
      }
      const age = await stat(path).then(
        ({ mtimeMs }) => Date.now() - mtimeMs,
        () => 0,
      );
      if (age > LOCK_STALE_MS) await rm(path, { force: true });
      else await sleep(LOCK_RETRY_MS);
    }
  }

  async #write(records: readonly ApiKeyRecord[]): Promise<void> {
    const temporary = `${this.path}.new`;
    await rm(temporary, { force: true });
    const handle = await open(temporary, 'wx', 0o600);
    try {
      await handle.writeFile(format(records));
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, this.path);
    const folder = await open(this.#folder, 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  }
}

function parse(text: string, path: string): ApiKeyRecord[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (!Value.Check(Stored, value)) {
    throw new ApiKeyFileError(
      `${path} is not a file of API keys that this version wrote: put back a copy of it, or remove it and create new keys`,
    );
  }
  return value.keys.map(({ id, name, scopes, secret_hash, created_at }) => ({
    id,
    name,
    scopes,
    secretHash: secret_hash,
    createdAt: Date.parse(created_at),
  }));
}

function format(records: readonly ApiKeyRecord[]): string {
  const stored: Static<typeof Stored> = {
    version: 1,
    keys: records.map(({ id, name, scopes, secretHash, createdAt }) => ({
      id,
      name,
      scopes: [...scopes],
      secret_hash: secretHash,
      created_at: new Date(createdAt).toISOString(),
    })),
  };
  return `${JSON.stringify(stored, null, 2)}\n`;
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
