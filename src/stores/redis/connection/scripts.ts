/**
 * The scripts of `commands/`, by name. A script says which files of `commands/lib/` it builds on, and so do these:
 * `-- Needs: values book`. They are put before it, each once, those needed by others first.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

export interface Script {
  readonly name: string;
  /** As sent: the shebang, what it needs, the script. */
  readonly text: string;
  readonly sha: string;
  /** Declared in the shebang: it writes nothing. */
  readonly readOnly: boolean;
}

export type Scripts = ReadonlyMap<string, Script>;

/** Throws where a script has no shebang, or needs what is not there. */
export function loadScripts(folder: string): Scripts {
  const library = readLua(join(folder, 'lib'));
  const scripts = [...readLua(folder)].map(([name, source]) => compose(name, source, library));
  return new Map(scripts.map((script) => [script.name, script]));
}

function readLua(folder: string): ReadonlyMap<string, string> {
  const files = readdirSync(folder, { withFileTypes: true }).filter(
    (entry) => entry.isFile() && entry.name.endsWith('.lua'),
  );
  return new Map(
    files.map(({ name }) => [basename(name, '.lua'), readFileSync(join(folder, name), 'utf8')]),
  );
}

function compose(name: string, source: string, library: ReadonlyMap<string, string>): Script {
  const [shebang = '', ...lines] = source.split('\n');
  // Without one, Redis would let a script touch keys of any slot, and refuse it late instead of early.
  if (!shebang.startsWith('#!lua')) throw new Error(`${name}.lua has no shebang (#!lua)`);
  const needed = new Map<string, string>();
  const add = (from: string, text: string): void => {
    for (const need of needsOf(text)) {
      if (needed.has(need)) continue;
      const found = library.get(need);
      if (found === undefined)
        throw new Error(`${from}.lua needs lib/${need}.lua, which is missing`);
      add(need, found);
      needed.set(need, found);
    }
  };
  add(name, source);
  const text = [shebang, ...needed.values(), ...lines].join('\n');
  return {
    name,
    text,
    sha: createHash('sha1').update(text).digest('hex'),
    readOnly: /flags=\S*\bno-writes\b/.test(shebang),
  };
}

function needsOf(text: string): string[] {
  const line = /^-- Needs: (.+)$/m.exec(text)?.[1] ?? '';
  return line.split(/[\s,]+/).filter((word) => word !== '');
}
