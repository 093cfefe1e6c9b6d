/** `holdfast backup` and `holdfast restore`: the books in one file, and back; each ends in an audit. */
import { existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { CliParts } from '../cli-parts.ts';
import { CliFailure, EXIT, type ExitCode } from '../exit-codes.ts';
import { dataDirOption, moreHelp } from '../options.ts';
import { progressBar, type Progress } from '../progress.ts';
import type { Registry } from '../registry.ts';
import { count, plural, writeJson, writeLines } from '../terminal.ts';
import { reportToJson } from '../audit-json.ts';

interface Options {
  readonly dataDir?: string;
  readonly json?: true;
}

interface RestoreOptions extends Options {
  readonly replace?: true;
}

export function addBackup({ program, parts, action }: Registry): void {
  program
    .command('backup')
    .description('copy the books to one file, also while the service runs')
    .argument('<file>', 'the file to write; it must not exist')
    .addOption(dataDirOption())
    .option('--json', 'print as JSON')
    .addHelpText(
      'after',
      moreHelp(
        'holdfast backup /mnt/other-disk/holdfast-2026-11-27.db',
        'The copy is of one moment, and is verified before this reports success. API keys are not in it.',
      ),
    )
    .action(action((file: string, options: Options) => backup(file, options, parts)));
}

export function addRestore({ program, parts, action }: Registry): void {
  program
    .command('restore')
    .description('put a backup in place of the books, with the service stopped')
    .argument('<file>', 'as `holdfast backup` wrote it')
    .option(
      '--replace',
      'where there are books already: move them aside, and put the backup in their place',
    )
    .addOption(dataDirOption())
    .option('--json', 'print as JSON')
    .addHelpText(
      'after',
      moreHelp(
        'holdfast restore /mnt/other-disk/holdfast-2026-11-27.db --data-dir ./data',
        'What was sold after the backup is not in it: correct the stock from the ERP before you open again.',
      ),
    )
    .action(action((file: string, options: RestoreOptions) => restore(file, options, parts)));
}

async function backup(file: string, options: Options, parts: CliParts): Promise<ExitCode> {
  const { stdout, stderr } = parts.io;
  const dataDir = options.dataDir ?? parts.settings().dataDir;
  if (!existsSync(dirname(file))) throw new CliFailure(`there is no folder ${dirname(file)}`);
  let bar: Progress | null = null;
  await parts
    .openDataFolder(dataDir)
    .backup(file, (done, total) => {
      bar ??= progressBar(stderr, 'Copying', total);
      bar.reach(done);
    })
    .finally(() => bar?.end());
  const bytes = statSync(file).size;
  if (options.json) writeJson(stdout, { file, bytes });
  else writeLines(stdout, [`Copied the books of ${dataDir} to ${file} (${count(bytes)} bytes).`]);
  return EXIT.ok;
}

async function restore(file: string, options: RestoreOptions, parts: CliParts): Promise<ExitCode> {
  const { stdout } = parts.io;
  const dataDir = options.dataDir ?? parts.settings().dataDir;
  const folder = parts.openDataFolder(dataDir);
  if (folder.hasBooks() && options.replace !== true) {
    throw new CliFailure(
      `there are books in ${dataDir} already; with --replace they are moved aside, not deleted, and the backup takes their place`,
    );
  }
  const movedTo = folder.restore(file, options.replace === true);
  const report = await folder.audit();
  if (options.json) {
    writeJson(stdout, { data_dir: dataDir, moved_to: movedTo, audit: reportToJson(report) });
  } else {
    writeLines(stdout, [
      `Restored ${file} to ${dataDir}: ${plural(report.skus, 'SKU')}, ${plural(report.reservations, 'reservation')}.`,
      ...(movedTo === null ? [] : [`The books that were there are now in ${movedTo}.`]),
      report.ok ? 'Its audit passed.' : 'Its audit FAILED: run `holdfast audit` to see how.',
    ]);
  }
  return report.ok ? EXIT.ok : EXIT.found;
}
