/** `holdfast keys`: API keys are made, listed and revoked here; a running service follows within a second. */
import { InvalidArgumentError, Option } from 'commander';
import { SCOPES, type Scope } from '../../engine/api-keys.ts';
import { CliFailure, EXIT } from '../exit-codes.ts';
import { dataDirOption, moreHelp } from '../options.ts';
import type { Registry } from '../registry.ts';
import { table, writeJson, writeLines } from '../terminal.ts';

interface Options {
  readonly dataDir?: string;
  readonly json?: true;
}

interface CreateOptions extends Options {
  readonly name: string;
  readonly scopes: readonly Scope[];
}

const SCOPE_HELP =
  'what the key may do, separated by commas: storefront (reserve, release, extend, read), orders (confirm, cancel; never in a browser), admin (everything)';

export function addKeys(registry: Registry): void {
  const keys = registry.program
    .command('keys')
    .description('make, list and revoke API keys; a running service follows within a second')
    .addHelpText('after', moreHelp('holdfast keys create --scopes storefront --name shop'));
  const open = (options: Options) => {
    const { parts } = registry;
    return parts.openKeyFile(options.dataDir ?? parts.settings().dataDir);
  };
  addCreate(registry, keys, open);
  addList(registry, keys, open);
  addRevoke(registry, keys, open);
}

type Keys = ReturnType<Registry['program']['command']>;
type Open = (options: Options) => ReturnType<Registry['parts']['openKeyFile']>;

function addCreate({ parts, action }: Registry, keys: Keys, open: Open): void {
  const { stdout, stderr } = parts.io;
  keys
    .command('create')
    .description('make a key and print it; it is shown this once')
    .requiredOption('--name <name>', 'what the key is for, in your words')
    .addOption(
      new Option('--scopes <scopes>', SCOPE_HELP).argParser(readScopes).makeOptionMandatory(),
    )
    .addOption(dataDirOption())
    .option('--json', 'print as JSON')
    .addHelpText(
      'after',
      moreHelp('holdfast keys create --name "the shop\'s server" --scopes storefront,orders'),
    )
    .action(
      action(async (options: CreateOptions) => {
        const file = await open(options);
        const first = (await file.store.list()).length === 0;
        const { key, record } = file.make(options.name, options.scopes);
        await file.store.add(record);
        const { id, name, scopes } = record;
        if (options.json) {
          writeJson(stdout, { id, name, scopes, key });
          return EXIT.ok;
        }
        // The key alone on stdout, so that it can be piped into a secret store.
        writeLines(stdout, [key]);
        writeLines(stderr, [
          '',
          `Key ${id} for "${name}" may: ${scopes.join(', ')}. Keep it now: only its hash is kept, in ${file.path}.`,
          'Send it as the header  authorization: Bearer <key>',
          ...(first ? ['This is the first key: from now on every call needs one.'] : []),
        ]);
        return EXIT.ok;
      }),
    );
}

function addList({ parts, action }: Registry, keys: Keys, open: Open): void {
  const { stdout } = parts.io;
  keys
    .command('list')
    .description('list the keys; their secrets are known to nobody here')
    .addOption(dataDirOption())
    .option('--json', 'print as JSON')
    .addHelpText('after', moreHelp('holdfast keys list --data-dir /var/lib/holdfast'))
    .action(
      action(async (options: Options) => {
        const records = await (await open(options)).store.list();
        const shown = records.map(({ id, name, scopes, createdAt }) => ({
          id,
          name,
          scopes,
          created_at: new Date(createdAt).toISOString(),
        }));
        if (options.json) writeJson(stdout, shown);
        else if (shown.length === 0) {
          writeLines(stdout, [
            'There are no keys: the service serves this machine only, and without asking for one.',
            'Make one with: holdfast keys create --name <name> --scopes storefront',
          ]);
        } else {
          const rows = shown.map((key) => [
            key.id,
            key.scopes.join(','),
            key.created_at.slice(0, 16).replace('T', ' '),
            key.name,
          ]);
          writeLines(stdout, table([['ID', 'SCOPES', 'CREATED (UTC)', 'NAME'], ...rows]));
        }
        return EXIT.ok;
      }),
    );
}

function addRevoke({ parts, action }: Registry, keys: Keys, open: Open): void {
  keys
    .command('revoke')
    .description('take a key back: whoever has it is refused from now on')
    .argument('<id>', 'as `keys list` shows it; of hf_ab12_… it is ab12')
    .addOption(dataDirOption())
    .option('--json', 'print as JSON')
    .addHelpText('after', moreHelp('holdfast keys revoke 3f9c2a71b0de'))
    .action(
      action(async (id: string, options: Options) => {
        const file = await open(options);
        // Somebody in a hurry pastes the whole key.
        const plain = /^hf_([^_]+)_/.exec(id)?.[1] ?? id;
        if (!(await file.store.revoke(plain))) {
          throw new CliFailure(
            `there is no key ${plain} in ${file.path}; \`holdfast keys list\` lists them`,
          );
        }
        const left = (await file.store.list()).length;
        if (options.json) {
          writeJson(parts.io.stdout, { revoked: plain, left });
          return EXIT.ok;
        }
        writeLines(parts.io.stdout, [
          `Key ${plain} is revoked.`,
          ...(left > 0
            ? []
            : [
                'It was the last one: a service that runs refuses every call; one started now serves this machine only.',
              ]),
        ]);
        return EXIT.ok;
      }),
    );
}

function readScopes(text: string): Scope[] {
  const names = text.split(',').map((name) => name.trim());
  const unknown = names.filter((name) => !SCOPES.some((scope) => scope === name));
  if (unknown.length > 0) {
    throw new InvalidArgumentError(
      `Expected ${SCOPES.join(', ')} or several of them, separated by commas.`,
    );
  }
  return SCOPES.filter((scope) => names.includes(scope));
}
