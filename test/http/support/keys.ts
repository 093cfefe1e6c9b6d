/** API keys for tests. */
import { randomFillSync } from 'node:crypto';
import { createApiKey, type ApiKeyDirectory, type Scope } from '../../../src/engine/api-keys.ts';

export interface TestKeys {
  readonly directory: ApiKeyDirectory;
  /** Makes a key and gives the header that carries it. */
  make(...scopes: Scope[]): { authorization: string };
}

export function testKeys(): TestKeys {
  const records = new Map<string, ReturnType<typeof createApiKey>['record']>();
  return {
    directory: { find: (id) => records.get(id), enabled: () => records.size > 0 },
    make: (...scopes) => {
      const { key, record } = createApiKey({ name: 'test', scopes }, (b) => randomFillSync(b), 0);
      records.set(record.id, record);
      return { authorization: `Bearer ${key}` };
    },
  };
}
