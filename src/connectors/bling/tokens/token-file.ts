/** Bling's tokens in `<data folder>/bling-tokens.json`, sealed; and the lock under which they are renewed. */
import { mkdir, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { Type, type Static } from 'typebox';
import { Value } from 'typebox/value';
import { ErpFault } from '../../../engine/erp-port.ts';
import { readIfThere, replaceFile } from '../../../engine/durable-file.ts';
import { onDisk } from '../on-disk.ts';
import { keyOf, seal, SealError, unseal } from './sealed-box.ts';

const FILE_NAME = 'bling-tokens.json';
const PURPOSE = 'holdfast bling tokens 1';
/** Whoever has the lock asks Bling once, with a time limit of its own. */
const LOCK_RETRY_MS = 50;
const LOCK_TRIES = 1_200;
const SQLITE_BUSY = 5;

const Stored = Type.Object({
  version: Type.Literal(1),
  iv: Type.String(),
  tag: Type.String(),
  data: Type.String(),
});

const Tokens = Type.Object({
  accessToken: Type.String({ minLength: 1 }),
  refreshToken: Type.String({ minLength: 1 }),
  /** Epoch milliseconds, all three. */
  obtainedAt: Type.Integer(),
  accessExpiresAt: Type.Integer(),
  refreshExpiresAt: Type.Integer(),
});
export type Tokens = Readonly<Static<typeof Tokens>>;

export class TokenFile {
  readonly path: string;
  readonly #key: Buffer;

  constructor(dataDir: string, secretKey: string) {
    this.path = join(dataDir, FILE_NAME);
    this.#key = keyOf(secretKey);
  }

  /** Null where nobody has connected yet. */
  async read(): Promise<Tokens | null> {
    const text = await onDisk(this.path, () => readIfThere(this.path));
    if (text === null) return null;
    try {
      const stored: unknown = JSON.parse(text);
      if (!Value.Check(Stored, stored)) throw new SealError('it is not a file of tokens');
      const tokens: unknown = JSON.parse(unseal(stored, this.#key, PURPOSE));
      if (!Value.Check(Tokens, tokens)) throw new SealError('it is of another version');
      return tokens;
    } catch (error) {
      if (!(error instanceof SealError || error instanceof SyntaxError)) throw error;
      const why = error instanceof SealError ? error.message : 'it is damaged';
      throw new ErpFault(
        'ERP_MISCONFIGURED',
        `${this.path} cannot be opened: ${why}. Put the right HOLDFAST_SECRET_KEY back, or connect again: holdfast bling connect`,
        { cause: error },
      );
    }
  }

  /** On the disk when this returns. Only under the lock. */
  async write(tokens: Tokens): Promise<void> {
    const sealed = seal(JSON.stringify(tokens), this.#key, PURPOSE);
    const text = `${JSON.stringify({ version: 1, ...sealed }, null, 2)}\n`;
    await onDisk(this.path, () => replaceFile(this.path, text));
  }

  /**
   * One at a time, over all processes of this data folder. The lock is the operating system's, taken through SQLite
   * on an empty file: it ends with the process, however that ends.
   */
  async locked<T>(work: () => Promise<T>): Promise<T> {
    const db = await onDisk(this.path, () => this.#openLock());
    try {
      await onDisk(this.path, () => this.#takeLock(db));
      return await work();
    } finally {
      db.close();
    }
  }

  async #openLock(): Promise<DatabaseSync> {
    await mkdir(dirname(this.path), { recursive: true });
    const lock = `${this.path}.lock`;
    await (await open(lock, 'a', 0o600)).close();
    return new DatabaseSync(lock);
  }

  async #takeLock(db: DatabaseSync): Promise<void> {
    for (let tries = 0; !tryLock(db); tries += 1) {
      if (tries >= LOCK_TRIES) {
        throw new ErpFault('ERP_UNAVAILABLE', `another process does not let go of ${this.path}`);
      }
      await sleep(LOCK_RETRY_MS);
    }
  }
}

function tryLock(db: DatabaseSync): boolean {
  try {
    db.exec('BEGIN EXCLUSIVE');
    return true;
  } catch (error) {
    if (error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY) return false;
    throw error;
  }
}
