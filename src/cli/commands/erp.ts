/** `holdfast erp` and `holdfast reconcile`: how the ERP is, its stock pulled, its books compared with ours. */
import { InvalidArgumentError } from 'commander';
import type { CliParts } from '../cli-parts.ts';
import { describeFindings, runJob, type EndedJob } from '../erp-job.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { connect, keyOption, moreHelp, urlOption, type ServiceOptions } from '../options.ts';
import type { Registry } from '../registry.ts';
import type { ServiceClient } from '../service-client.ts';
import { count, plural, writeFacts, writeJson, writeLines, type Fact } from '../terminal.ts';

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
          const facts = factsOf(status as unknown as Status);
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
            ]);
          }
          return Number(fields['problems']) === 0 ? EXIT.ok : EXIT.found;
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

export async function withService(
  options: ServiceOptions,
  parts: CliParts,
  use: (client: ServiceClient) => Promise<ExitCode>,
): Promise<ExitCode> {
  const client = connect(options, parts);
  try {
    return await use(client);
  } finally {
    await client.close();
  }
}

/** As much of `GET /erp` as is told to people. */
interface Status {
  readonly erp: string;
  readonly connection: { readonly state: string; readonly problem: string | null } | null;
  readonly outbox: {
    readonly pending: number;
    readonly in_flight: number;
    readonly unknown: number;
    readonly dead: number;
    readonly oldest_seconds: number | null;
    readonly drained_at: string | null;
    readonly drain_seconds: number | null;
  } | null;
  readonly relay: {
    readonly breaker: string;
    readonly paused_until: string | null;
    readonly last_error: string | null;
  } | null;
  readonly calls: { readonly today: number; readonly left_today: number | null } | null;
  readonly reconciliation: {
    readonly ended_at: string;
    readonly compared: number;
    readonly drifts: number;
    readonly corrected: number;
    readonly moving: number;
  } | null;
  readonly next_reconciliation_at: string | null;
  readonly webhooks: { readonly last_received_at: string | null; readonly silent: boolean } | null;
}

function factsOf(status: Status): Fact[] {
  const { erp, connection, outbox } = status;
  const facts: Fact[] = [{ name: 'ERP', value: erp, fine: true }];
  const add = (name: string, value: string, fine = true): void => {
    facts.push({ name, value, fine });
  };
  if (connection !== null) {
    const { state, problem } = connection;
    add('connection', problem ?? state, state !== 'failing');
  }
  if (outbox !== null) {
    const { pending, in_flight: inFlight, unknown, dead } = outbox;
    const waiting = pending + inFlight + unknown;
    const age =
      outbox.oldest_seconds === null ? '' : `, the oldest for ${span(outbox.oldest_seconds)}`;
    add('backlog', waiting + dead === 0 ? 'none' : `${plural(waiting, 'message')} waiting${age}`);
    add('dead letters', count(dead), dead === 0);
    if (unknown > 0) add('unknown', `${count(unknown)} sent without an answer, being looked for`);
    if (outbox.drained_at !== null) {
      add('drained', `in ${span(Number(outbox.drain_seconds))}, at ${outbox.drained_at}`);
    }
  }
  addRelay(status, add);
  return facts;
}

function addRelay(status: Status, add: (name: string, value: string, fine?: boolean) => void) {
  const { relay, calls, reconciliation } = status;
  if (relay !== null) {
    const { breaker, paused_until: until, last_error: error } = relay;
    const pause = until === null ? '' : `, nothing is sent before ${until}`;
    add('breaker', `${breaker}${pause}`, breaker === 'closed');
    if (error !== null) add('last error', error);
  }
  if (calls !== null) {
    const left = calls.left_today === null ? '' : `, ${count(calls.left_today)} left`;
    add('calls today', `${count(calls.today)}${left}`, calls.left_today !== 0);
  }
  if (reconciliation !== null) {
    const { ended_at: at, compared, drifts, corrected, moving } = reconciliation;
    const figures = `${plural(compared, 'SKU')}, ${count(drifts)} differed, ${count(corrected)} corrected, ${count(moving)} on the move`;
    add('reconciled', `${at}: ${figures}`, drifts === corrected);
  }
  if (status.next_reconciliation_at !== null) add('next', status.next_reconciliation_at);
  if (status.webhooks !== null) {
    const { last_received_at: last, silent } = status.webhooks;
    add('last webhook', last ?? 'none ever', !silent);
  }
}

/** Seconds as people say them. */
function span(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? `${minutes} min` : `${(minutes / 60).toFixed(1)} h`;
}
