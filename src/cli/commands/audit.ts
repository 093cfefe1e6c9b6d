/** `holdfast audit`: proves the books against the ledger. */
import type { AuditReport } from '../../core/audit.ts';
import type { CliParts } from '../cli-parts.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { connect, dataDirOption, keyOption, moreHelp } from '../options.ts';
import type { Registry } from '../registry.ts';
import { count, painter, plural, writeJson, writeLines } from '../terminal.ts';
import { reportFromJson, reportToJson } from '../audit-json.ts';

interface Options {
  readonly dataDir?: string;
  readonly url?: string;
  readonly key?: string;
  readonly json?: true;
}

const PROBLEMS_SHOWN = 30;

export function addAudit({ program, parts, action }: Registry): void {
  program
    .command('audit')
    .description('prove that every level is the sum of its ledger entries; exit code 1 if not')
    .addOption(dataDirOption())
    .option('--url <url>', 'ask a running service instead of reading the books')
    .addOption(keyOption())
    .option('--json', 'print as JSON')
    .addHelpText(
      'after',
      moreHelp(
        'holdfast audit --data-dir /var/lib/holdfast',
        'Reads the books as they are, also while a service runs on them, and changes nothing.',
      ),
    )
    .action(action((options: Options) => audit(options, parts)));
}

async function audit(options: Options, parts: CliParts): Promise<ExitCode> {
  const { stdout, env } = parts.io;
  const [report, where] = await obtain(options, parts);
  if (options.json) writeJson(stdout, reportToJson(report));
  else writeLines(stdout, describe(report, where, painter(stdout, env)));
  return report.ok ? EXIT.ok : EXIT.found;
}

async function obtain(options: Options, parts: CliParts): Promise<[AuditReport, string]> {
  const { url } = options;
  if (url === undefined) {
    const books = parts.openBooks(options.dataDir);
    return [await books.audit(), books.place];
  }
  const client = connect({ ...options, url }, parts);
  try {
    return [reportFromJson(await client.must({ method: 'GET', path: '/audit' })), url];
  } finally {
    await client.close();
  }
}

function describe(report: AuditReport, where: string, paint: ReturnType<typeof painter>): string[] {
  const checked = `${plural(report.skus, 'SKU')}, ${plural(report.reservations, 'reservation')}, ${plural(report.entries, 'ledger entry', 'ledger entries')}`;
  if (report.ok) {
    return [
      `Audited ${where}: ${checked}.`,
      paint(
        'good',
        'PASSED. Every level is the sum of its ledger entries, and nothing is promised twice.',
      ),
    ];
  }
  const shown = report.problems.slice(0, PROBLEMS_SHOWN);
  const more = report.problemCount - shown.length;
  return [
    `Audited ${where}: ${checked}.`,
    ...shown.map(({ kind, message }) => `  ${kind}: ${message}`),
    ...(more > 0 ? [`  … and ${count(more)} more; --json lists the first 1,000`] : []),
    paint(
      'bad',
      `FAILED: ${plural(report.problemCount, 'difference')}. What to do stands in docs/runbook.md, under "audit reports differences".`,
    ),
  ];
}
