/** `holdfast backup` and `holdfast restore`: the books in one file, and back; each ends in an audit. */
import type { CliParts } from '../cli-parts.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { dataDirOption } from '../options.ts';
import type { Registry } from '../registry.ts';
import { count, plural, writeJson, writeLines } from '../terminal.ts';
import { reportToJson } from '../audit-json.ts';

interface Options {
  readonly dataDir?: string;
  readonly json?: true;
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
      '\nThe copy is of one moment, and is audited before this reports success. API keys are not in it.' +
        '\n\nExample\n  holdfast backup /mnt/other-disk/holdfast-2026-11-27.db',
    )
    .action(action((file: string, options: Options) => backup(file, options, parts)));
}

export function addRestore({ program, parts, action }: Registry): void {
  program
    .command('restore')
    .description('put a backup in place of the books, with the service stopped')
    .argument('<file>', 'as `holdfast backup` wrote it')
    .addOption(dataDirOption())
    .option('--json', 'print as JSON')
    .addHelpText(
      'after',
      '\nWhat was sold after the backup is not in it: correct the stock from the ERP before you open again.' +
        '\n\nExample\n  holdfast restore /mnt/other-disk/holdfast-2026-11-27.db --data-dir ./data',
    )
    .action(action((file: string, options: Options) => restore(file, options, parts)));
}

async function backup(file: string, options: Options, parts: CliParts): Promise<ExitCode> {
  const { stdout } = parts.io;
  const dataDir = options.dataDir ?? parts.settings().dataDir;
  const bytes = await parts.openDataFolder(dataDir).backup(file);
  if (options.json) writeJson(stdout, { file, bytes });
  else writeLines(stdout, [`Copied the books of ${dataDir} to ${file} (${count(bytes)} bytes).`]);
  return EXIT.ok;
}

async function restore(file: string, options: Options, parts: CliParts): Promise<ExitCode> {
  const { stdout } = parts.io;
  const dataDir = options.dataDir ?? parts.settings().dataDir;
  const folder = parts.openDataFolder(dataDir);
  await folder.restore(file);
  const report = await folder.audit();
  if (options.json) writeJson(stdout, { data_dir: dataDir, audit: reportToJson(report) });
  else {
    writeLines(stdout, [
      `Restored ${file} to ${dataDir}: ${plural(report.skus, 'SKU')}, ${plural(report.reservations, 'reservation')}.`,
      report.ok ? 'Its audit passed.' : 'Its audit FAILED: run `holdfast audit` to see how.',
    ]);
  }
  return report.ok ? EXIT.ok : EXIT.found;
}
