/** `holdfast erp` and `holdfast reconcile`: how the ERP is, its stock pulled, its books compared with ours. */
import { InvalidArgumentError } from 'commander';
import { erpFacts, type ErpStatusFields } from '../erp-facts.ts';
import { describeFindings, describeHeld, runJob, type EndedJob } from '../erp-job.ts';
import { EXIT } from '../exit-codes.ts';
import { keyOption, moreHelp, urlOption, withService, type ServiceOptions } from '../options.ts';
import type { Registry } from '../registry.ts';
import { count, plural, writeFacts, writeJson, writeLines } from '../terminal.ts';

interface Options extends ServiceOptions {
  readonly json?: true;
}

interface PullOptions extends Options {
  readonly restart?: true;
}

interface ReconcileOptions extends Options {
  readonly fix?: true;
  readonly sku?: readonly string[];
}

type Parent = ReturnType<Registry['program']['command']>;

export function addErp(registry: Registry): void {
  const erp = registry.program
    .command('erp')
    .description('how the ERP is, and its stock pulled into Holdfast')
    .addHelpText('after', moreHelp('holdfast erp status'));
  addStatus(registry, erp);
  addPull(registry, erp);
  addAccept(registry, erp);
}

function addStatus({ parts, action }: Registry, parent: Parent): void {
  parent
    .command('status')
    .description('connection, backlog and when it is drained; exit code 1 if somebody should look')
    .addOption(urlOption())
    .addOption(keyOption())
    .option('--json', 'print as JSON')
    .addHelpText('after', moreHelp('holdfast erp status --url http://127.0.0.1:8000'))
    .action(
      action((options: Options) =>
        withService(options, parts, async (client) => {
          const { io } = parts;
          const status = await client.must({ method: 'GET', path: '/erp' });
          const facts = erpFacts(status as unknown as ErpStatusFields);
          const isFine = facts.every(({ fine }) => fine);
          if (options.json) writeJson(io.stdout, { ok: isFine, ...status });
          else writeFacts(io, facts);
          return isFine ? EXIT.ok : EXIT.found;
        }),
      ),
    );
}

function addPull({ parts, action }: Registry, parent: Parent): void {
  parent
    .command('pull')
    .description('take over the levels of every SKU that the ERP has')
    .option('--restart', 'from the first page, also where an earlier pull was interrupted')
    .addOption(urlOption())
    .addOption(keyOption())
    .option('--json', 'print as JSON')
    .addHelpText(
      'after',
      moreHelp(
        'holdfast erp pull',
        'The service does it, beside the sales and at the ERP’s pace; this command follows. Ctrl-C ends the following, not the pull. Exit code 1 if there are SKUs that cannot be sold as the ERP has them: each is listed with the reason.',
      ),
    )
    .action(
      action((options: PullOptions) =>
        withService(options, parts, async (client) => {
          const { stdout, stderr } = parts.io;
          const restart = options.restart === true;
          const { fields, findings } = await runJob(client, 'pull', { restart }, stderr);
          if (options.json) writeJson(stdout, { ...fields, findings, next: undefined });
          else {
            const { compared, imported, corrected, resumed, problems } = fields;
            writeLines(stdout, [
              ...describeFindings(findings),
              `${resumed === true ? 'Went on where the last one ended. ' : ''}Pulled ${plural(Number(compared), 'SKU')}: ${count(Number(imported))} new, ${count(Number(corrected))} corrected, ${count(Number(problems))} with a problem.`,
              ...describeHeld(fields),
            ]);
          }
          const isFine = Number(fields['problems']) === 0 && Number(fields['held']) === 0;
          return isFine ? EXIT.ok : EXIT.found;
        }),
      ),
    );
}

function addAccept({ parts, action }: Registry, parent: Parent): void {
  parent
    .command('accept')
    .description('the ERP knows of every sale: take its balances over also where they are higher')
    .addOption(urlOption())
    .addOption(keyOption())
    .option('--json', 'print as JSON')
    .addHelpText(
      'after',
      moreHelp(
        'holdfast erp accept',
        'For books that were kept without an ERP for a while. What was sold meanwhile the ERP still has, so its balances do not raise these books until you have entered those sales in the ERP and say so here. `holdfast reconcile` shows what would change; the next reconciliation changes it.',
      ),
    )
    .action(
      action((options: Options) =>
        withService(options, parts, async (client) => {
          const raises = await client.must({ method: 'POST', path: '/erp/accept' });
          if (options.json) writeJson(parts.io.stdout, raises);
          else {
            writeLines(parts.io.stdout, [
              'Balances of the ERP are taken over, higher or lower: at the next reconciliation, or now by `holdfast reconcile --fix`.',
            ]);
          }
          return EXIT.ok;
        }),
      ),
    );
}

export function addReconcile({ program, parts, action }: Registry): void {
  program
    .command('reconcile')
    .description('compare our books with the ERP’s, SKU by SKU')
    .option('--fix', 'correct our books where they differ')
    .option('--sku <sku>', 'only this one; may be repeated', collect)
    .addOption(urlOption())
    .addOption(keyOption())
    .option('--json', 'print as JSON')
    .addHelpText(
      'after',
      moreHelp(
        'holdfast reconcile --sku SKU-001 --fix',
        'Exit code 1 if something differs and was not corrected, was on its way at each reading, or cannot be sold as the ERP has it; 0 if all agrees now. The service does it, beside the sales and at the ERP’s pace.',
      ),
    )
    .action(
      action((options: ReconcileOptions) =>
        withService(options, parts, async (client) => {
          const { stdout, stderr } = parts.io;
          const asked = {
            fix: options.fix === true,
            ...(options.sku === undefined ? {} : { skus: options.sku }),
          };
          const job = await runJob(client, 'reconcile', asked, stderr);
          const { fields, findings } = job;
          if (options.json) writeJson(stdout, { ...fields, findings, next: undefined });
          else {
            const { compared, drifts, corrected, moving, problems } = fields;
            writeLines(stdout, [
              ...describeFindings(findings),
              `Compared ${plural(Number(compared), 'SKU')}: ${count(Number(drifts))} differed, ${count(Number(corrected))} corrected, ${count(Number(moving))} on the move, ${count(Number(problems))} with a problem.`,
              ...describeHeld(fields),
              ...(Number(drifts) > 0 && options.fix !== true
                ? ['Nothing was changed: --fix corrects our books.']
                : []),
            ]);
          }
          return agrees(job) ? EXIT.ok : EXIT.found;
        }),
      ),
    );
}

function agrees({ findings }: EndedJob): boolean {
  return findings.every(({ finding, corrected }) => finding === 'drift' && corrected === true);
}

const MOST_SKUS = 1_000;

function collect(sku: string, before: readonly string[] = []): readonly string[] {
  if (before.length === MOST_SKUS) {
    throw new InvalidArgumentError(`At most ${MOST_SKUS}; without any, all are compared.`);
  }
  return [...before, sku];
}
