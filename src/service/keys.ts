/** The API keys of a data folder. */
import { randomFillSync } from 'node:crypto';
import { resolve } from 'node:path';
import type { KeyFile } from '../cli/cli-parts.ts';
import { CliFailure, EXIT } from '../cli/exit-codes.ts';
import { createApiKey } from '../engine/api-keys.ts';
import { ApiKeyFile, ApiKeyFileError } from '../stores/api-keys/api-key-file.ts';

export async function openKeys(dataDir: string): Promise<ApiKeyFile> {
  try {
    return await ApiKeyFile.open(resolve(dataDir));
  } catch (error) {
    if (error instanceof ApiKeyFileError) throw new CliFailure(error.message, EXIT.config);
    throw error;
  }
}

export async function openKeyFile(dataDir: string): Promise<KeyFile> {
  const file = await openKeys(dataDir);
  return {
    path: file.path,
    store: file,
    make: (name, scopes) =>
      createApiKey({ name, scopes }, (bytes) => randomFillSync(bytes), Date.now()),
  };
}
