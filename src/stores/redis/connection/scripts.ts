/**
 * The scripts of `commands/`, by name. A script says which files of `commands/lib/` it builds on, and so do these:
 * `-- Needs: values book`. They are put before it, each once, those needed by others first.
 *
 * Redis runs a script from its first line in every call, so that each function of the library is made anew. What a
 * script seldom needs it names in `-- Later: batch`: these files, and what they need beside the others, become the body
 * of a function `later`, before the script's own lines; who calls it has what they define in tables that stand before it.
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
  const placed = new Set<string>();
  const gather = (from: string, needs: readonly string[]): string[] =>
    needs.flatMap((need) => {
      if (placed.has(need)) return [];
      const found = library.get(need);
      if (found === undefined)
        throw new Error(`${from}.lua needs lib/${need}.lua, which is missing`);
      placed.add(need);
      return [...gather(need, filesNamed('Needs', found)), found];
    });
  const needed = gather(name, filesNamed('Needs', source));
  const seldom = gather(name, filesNamed('Later', source));
  const later = seldom.length > 0 ? ['local function later()', ...seldom, 'end'] : [];
  const text = [shebang, ...needed, ...later, ...lines].join('\n');
  return {
    name,
    text,
    sha: createHash('sha1').update(text).digest('hex'),
    readOnly: /flags=\S*\bno-writes\b/.test(shebang),
  };
}

function filesNamed(header: 'Needs' | 'Later', text: string): string[] {
  const line = new RegExp(`^-- ${header}: (.+)$`, 'm').exec(text)?.[1] ?? '';
  return line.split(/[\s,]+/).filter((word) => word !== '');
}
