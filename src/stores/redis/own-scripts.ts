/** The scripts of this store, `commands/`. */
import { fileURLToPath } from 'node:url';
import { loadScripts, type Scripts } from './connection/scripts.ts';

export function ownScripts(): Scripts {
  return loadScripts(fileURLToPath(new URL('./commands', import.meta.url)));
}
