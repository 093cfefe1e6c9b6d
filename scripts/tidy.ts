// The style guide that can be executed. Each rule is a pure function from text to findings;
// tidy.test.ts shows each of them failing once.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

export interface SourceFile {
  /** Relative to the repository's root, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

export interface Finding {
  readonly path: string;
  readonly line?: number;
  readonly message: string;
}

type FileRule = (file: SourceFile) => Finding[];
type RepositoryRule = (files: readonly SourceFile[]) => Finding[];

const MAX_LINES = 450;

/** These files plant what they look for. */
const PLANTED = /^scripts\/tidy(?:\.test)?\.ts$/;

const isTypeScript = ({ path }: SourceFile): boolean => path.endsWith('.ts');

function findingsByLine(
  file: SourceFile,
  pattern: RegExp,
  message: (match: string) => string,
): Finding[] {
  return file.text.split('\n').flatMap((text, index) => {
    const match = pattern.exec(text);
    return match === null
      ? []
      : [{ path: file.path, line: index + 1, message: message(match[0].trim()) }];
  });
}

export const fileLength: FileRule = (file) => {
  if (!isTypeScript(file)) return [];
  const lines = file.text.replace(/\n$/, '').split('\n').length;
  return lines <= MAX_LINES
    ? []
    : [
        {
          path: file.path,
          message: `${lines} lines; ${MAX_LINES} are the most. Split it by topic`,
        },
      ];
};

export const leftovers: FileRule = (file) =>
  PLANTED.test(file.path)
    ? []
    : findingsByLine(
        file,
        /\b(?:TODO|FIXME|XXX)\b/,
        (word) => `${word}: do it, or write it where the plans are kept`,
      );

export const lineEndings: FileRule = (file) => {
  const line = file.text.split('\n').findIndex((text) => text.endsWith('\r'));
  return line === -1 ? [] : [{ path: file.path, line: line + 1, message: 'CRLF line ending' }];
};

export const onlyTests: FileRule = (file) =>
  !isTypeScript(file) || PLANTED.test(file.path)
    ? []
    : findingsByLine(file, /\.only\(/, () => '`.only(` leaves the other tests out');

/** The shapes that a statement has and a sentence hardly ever. */
const CODE_IN_COMMENT = new RegExp(
  String.raw`^\s*//\s*(?:${[
    String.raw`import\b.*['"];`,
    String.raw`(?:export|const|let)\b.*=.*`,
    String.raw`(?:return|await|throw)\b.*[(.'"\]].*;`,
    String.raw`(?:if|for|for await|while|switch) ?\(.*\) ?\{`,
    String.raw`[\w.]+\(.*\);`,
    String.raw`[\w.[\]]+ [+-]?= .*;`,
    String.raw`\}(?: else\b.*)?`,
  ].join('|')})\s*$`,
);

export const commentedOutCode: FileRule = (file) =>
  !isTypeScript(file) || PLANTED.test(file.path)
    ? []
    : findingsByLine(file, CODE_IN_COMMENT, () => 'commented-out code: git remembers it');

/**
 * Words of GLOSSARY.md's "never" column that have no other use here, each with the one to use.
 * A name is split at its capitals and underscores first, so `threshold` does not contain `hold`.
 */
const BANNED_WORDS: ReadonlyMap<string, string> = new Map([
  ['hold', 'reservation'],
  ['holds', 'reservations'],
  ['booking', 'reservation'],
  ['bookings', 'reservations'],
  ['booked', 'reserved'],
  ['atp', 'available'],
  ['sellable', 'available'],
  ['warehouse', 'location'],
  ['warehouses', 'locations'],
  ['deposito', 'location'],
  ['dlq', 'deadLetter'],
]);

/** Words that are wrong as a whole name only: `balance` is, what an `erpBalance` says is not. */
const BANNED_NAMES: ReadonlyMap<string, string> = new Map([
  ['balance', 'onHand'],
  ['threshold', 'safetyStock, or say of what'],
  ['variantid', 'sku'],
  ['inventoryitem', 'stockLevel'],
  ['inventory', 'stock'],
]);

const GUARDED_NAMES = /^src\/(?:core|engine|http\/schemas)(?:\/|\.ts$)/;

function wordsOf(name: string): string[] {
  return name
    .replaceAll(/([a-z\d])([A-Z])|([A-Z]+)([A-Z][a-z])/g, '$1$3_$2$4')
    .toLowerCase()
    .split(/[_$]+/);
}

function betterName(name: string): string | undefined {
  const whole = BANNED_NAMES.get(name.toLowerCase().replaceAll(/[_$]/g, ''));
  return whole ?? wordsOf(name).flatMap((word) => BANNED_WORDS.get(word) ?? [])[0];
}

export const vocabulary: FileRule = (file) => {
  if (!isTypeScript(file) || !GUARDED_NAMES.test(file.path)) return [];
  const source = ts.createSourceFile(file.path, file.text, ts.ScriptTarget.Latest);
  const findings: Finding[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node)) {
      const better = betterName(node.text);
      if (better !== undefined) {
        const { line } = source.getLineAndCharacterOfPosition(node.getStart(source));
        const message = `\`${node.text}\` is not one of our words; say ${better}`;
        findings.push({ path: file.path, line: line + 1, message });
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return findings;
};

/** A store that the shared suites do not run against is not proven to be one. */
export const conformanceRuns: RepositoryRule = (files) => {
  const textOf = new Map(files.map(({ path, text }) => [path, text]));
  return files.flatMap(({ path, text }) => {
    const [, folder, name] = /^src\/stores\/([^/]+)\/(?:.*\/)?([^/]+)\.ts$/.exec(path) ?? [];
    if (folder === undefined || name?.endsWith('.test') === true) return [];
    if (name !== `${folder}-store` && !/\bimplements\b[^{]*\bReservationStore\b/.test(text))
      return [];
    return SUITES.flatMap(({ kind, call }) => {
      const suite = `test/${kind}/${folder}.test.ts`;
      const run = textOf.get(suite);
      if (run === undefined) return [{ path, message: `no ${kind} run: ${suite} is missing` }];
      return run.includes(call) ? [] : [{ path: suite, message: `does not call ${call}…)` }];
    });
  });
};

const SUITES = [
  { kind: 'conformance', call: 'storeSuite(' },
  { kind: 'model', call: 'modelSuite(' },
] as const;

/** Nor is a connector. */
export const connectorRuns: RepositoryRule = (files) => {
  const paths = new Set(files.map(({ path }) => path));
  return [...paths].flatMap((path) => {
    const connector = /^src\/connectors\/([^/]+)\/(\1-connector)\.ts$/.exec(path)?.[2];
    if (connector === undefined) return [];
    const suite = `test/conformance/${connector}.test.ts`;
    return paths.has(suite) ? [] : [{ path, message: `no conformance run: ${suite} is missing` }];
  });
};

export const documentedSettings: RepositoryRule = (files) => {
  const textOf = (path: string): string => files.find((file) => file.path === path)?.text ?? '';
  const known = files.filter(({ path }) => /^src\/config(?:\.ts|\/[^.]+\.ts)$/.test(path));
  const used = new Set(
    known.flatMap(({ text }) => text.match(/\bHOLDFAST_[A-Z\d_]*[A-Z\d]/g) ?? []),
  );
  const documented = new Set(textOf('.env.example').match(/(?<=^(?:# ?)?)HOLDFAST_\w+(?==)/gm));
  return [
    ...[...used.difference(documented)].map((name) => ({
      path: '.env.example',
      message: `${name} of src/config.ts is not documented (a line "${name}=")`,
    })),
    ...[...documented.difference(used)].map((name) => ({
      path: '.env.example',
      message: `${name} is not known to src/config.ts`,
    })),
  ];
};

const FILE_RULES: readonly FileRule[] = [
  fileLength,
  leftovers,
  lineEndings,
  onlyTests,
  commentedOutCode,
  vocabulary,
];
const REPOSITORY_RULES: readonly RepositoryRule[] = [
  conformanceRuns,
  connectorRuns,
  documentedSettings,
];

export function check(files: readonly SourceFile[]): Finding[] {
  return [
    ...files.flatMap((file) => FILE_RULES.flatMap((rule) => rule(file))),
    ...REPOSITORY_RULES.flatMap((rule) => rule(files)),
  ];
}

const FOLDERS = ['src', 'test', 'bench', 'scripts', 'bin', 'ops', 'console', 'simulators'];
const EXTENSIONS = /\.(?:ts|tsx|js|cjs|mjs|lua|sql|sh|css|html|json|ya?ml|md)$/;

function readFiles(root: string): SourceFile[] {
  const read = (path: string): SourceFile => ({
    path,
    text: readFileSync(join(root, path), 'utf8'),
  });
  const walk = (folder: string): SourceFile[] =>
    readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isFile()) {
        return EXTENSIONS.test(entry.name) || entry.name === '.env.example' ? [read(path)] : [];
      }
      const descend =
        folder === '' ? FOLDERS.includes(path) : !/^(?:node_modules|dist)$/.test(entry.name);
      return entry.isDirectory() && descend ? walk(path) : [];
    });
  return walk('').filter(({ path }) => path !== 'package-lock.json');
}

function main(): void {
  const files = readFiles(join(import.meta.dirname, '..'));
  const findings = check(files);
  for (const { path, line, message } of findings) {
    console.log(`${path}${line === undefined ? '' : `:${line}`}: ${message}`);
  }
  console.log(`tidy: ${files.length} files, ${findings.length} findings`);
  process.exitCode = findings.length === 0 ? 0 : 1;
}

if (import.meta.main) main();
