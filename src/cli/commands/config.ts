/** `holdfast config`: each setting in effect, and where it came from. */
import { moreHelp } from '../options.ts';
import type { Registry } from '../registry.ts';
import { EXIT } from '../exit-codes.ts';
import { plural, table, writeJson, writeLines } from '../terminal.ts';

interface Options {
  readonly json?: true;
}

export function addConfig({ program, parts, action }: Registry): void {
  const { stdout } = parts.io;
  const config = program
    .command('config')
    .description('show the settings in effect, and check them')
    .addHelpText('after', moreHelp('HOLDFAST_PORT=9000 holdfast config check'));
  config
    .command('show', { isDefault: true })
    .description('each setting, its value, and where it came from (secrets are not shown)')
    .option('--json', 'print as JSON')
    .addHelpText('after', moreHelp('holdfast config show'))
    .action(
      action(({ json }: Options) => {
        const { lines, warnings } = parts.settings();
        if (json) {
          writeJson(stdout, { settings: lines, warnings });
        } else {
          const rows = lines.map(({ name, value, source }) => [name, value || '(none)', source]);
          writeLines(stdout, table([['SETTING', 'VALUE', 'FROM'], ...rows]));
          writeLines(
            stdout,
            warnings.map((warning) => `warning: ${warning}`),
          );
        }
        return Promise.resolve(EXIT.ok);
      }),
    );
  config
    .command('check')
    .description('say whether the settings are right; exit code 78 if not')
    .option('--json', 'print as JSON')
    .addHelpText('after', moreHelp('HOLDFAST_PORT=9000 holdfast config check'))
    .action(
      action(({ json }: Options) => {
        const { lines, warnings } = parts.settings();
        const given = lines.filter(({ source }) => source !== 'default').length;
        if (json) writeJson(stdout, { ok: true, given, warnings });
        else {
          writeLines(stdout, [
            `The settings are right: ${plural(given, 'is', 'are')} given, the others have their defaults.`,
            ...warnings.map((warning) => `warning: ${warning}`),
          ]);
        }
        return Promise.resolve(EXIT.ok);
      }),
    );
}
