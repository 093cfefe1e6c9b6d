/** Follows long work with the ERP that a service does, until it has ended. */
import { setTimeout as sleep } from 'node:timers/promises';
import cliProgress from 'cli-progress';
import { CliFailure } from './exit-codes.ts';
import { detailOf, type ServiceClient } from './service-client.ts';
import { count, plural, type Output } from './terminal.ts';

type Fields = Readonly<Record<string, unknown>>;

export interface Finding {
  readonly finding: string;
  readonly sku: string;
  readonly reason: string;
  readonly erp_on_hand: number | null;
  readonly on_hand: number | null;
  readonly units: number | null;
  readonly reserved: number | null;
  readonly allocated: number | null;
  readonly owed: number | null;
  readonly corrected: boolean | null;
  readonly held: boolean | null;
}

/** A job as `GET /erp/{job}` tells it, with all its findings. */
export interface EndedJob {
  readonly fields: Fields;
  readonly findings: readonly Finding[];
}

const LOOK_MS = 500;
const FINDINGS_PAGE = 1_000;

/** Starts it, or follows the one of its kind that is running. Throws `CliFailure` if it cannot be done. */
export async function runJob(
  client: ServiceClient,
  kind: 'pull' | 'reconcile',
  asked: Fields,
  stderr: Output,
): Promise<EndedJob> {
  const path = `/erp/${kind}`;
  const started = await client.ask({ method: 'POST', path, json: asked });
  if (started.status >= 300) {
    const isOurs = started.body['code'] === 'erp_busy' && started.body['job'] === kind;
    if (!isOurs) throw new CliFailure(`${client.url} does not start it${detailOf(started)}`);
    stderr.write(`holdfast: a ${kind} is running already; following it\n`);
  }
  const ended = await follow(client, path, stderr);
  const { state, problem } = ended;
  if (state !== 'done') {
    const again = kind === 'pull' ? '. Run it again: it goes on where this one ended' : '';
    throw new CliFailure(`the ${kind} ${String(state)}: ${String(problem)}${again}`);
  }
  return { fields: ended, findings: await findingsOf(client, ended) };
}

async function follow(client: ServiceClient, path: string, stderr: Output): Promise<Fields> {
  const show = progress(stderr);
  try {
    for (;;) {
      const job = await client.must({ method: 'GET', path: `${path}?limit=${FINDINGS_PAGE}` });
      show.look(job);
      if (job['state'] !== 'running') return job;
      await sleep(LOOK_MS);
    }
  } finally {
    show.end();
  }
}

async function findingsOf(client: ServiceClient, first: Fields): Promise<Finding[]> {
  const findings = [...(first['findings'] as Finding[])];
  for (let { next } = first; typeof next === 'string';) {
    const page = await client.must({ method: 'GET', path: next });
    findings.push(...(page['findings'] as Finding[]));
    next = page['next'];
  }
  return findings;
}

/** One line that moves on a terminal, nothing elsewhere. A pull does not know its end before it is there. */
function progress(stderr: Output): { look(job: Fields): void; end(): void } {
  if (stderr.isTTY !== true) return { look: () => undefined, end: () => undefined };
  const bar = new cliProgress.SingleBar({
    format: '{text}',
    hideCursor: true,
    clearOnComplete: true,
    stream: stderr as NodeJS.WritableStream,
  });
  bar.start(1, 0, { text: 'asking the ERP' });
  return {
    look: (job) => bar.update(0, { text: progressText(job) }),
    end: () => bar.stop(),
  };
}

function progressText({ pages, compared, total, imported }: Fields): string {
  const of = typeof total === 'number' ? ` of ${count(total)}` : '';
  const read = Number(pages) > 0 ? `page ${count(Number(pages))}: ` : '';
  const fresh = Number(imported) > 0 ? `, ${count(Number(imported))} new` : '';
  return `${read}${plural(Number(compared), 'SKU')}${of} compared${fresh}`;
}

/** One more line where the ERP has more and it was not taken over. */
export function describeHeld({ held }: Fields): string[] {
  return Number(held) === 0
    ? []
    : [
        `Held back: ${plural(Number(held), 'SKU')} of which the ERP has more. Sales were made here that it was never told of: enter them in the ERP, then run \`holdfast erp accept\`.`,
      ];
}

/** Per SKU, for people: what differs and why. */
export function describeFindings(findings: readonly Finding[]): string[] {
  return findings.map(({ finding, sku, reason, ...figures }) => {
    if (finding !== 'drift') return `${sku}: ${reason}`;
    const { erp_on_hand: erp, on_hand: ours, units, reserved, allocated, owed } = figures;
    const sign = Number(units) > 0 ? '+' : '';
    const beside = [
      [reserved, 'reserved'],
      [allocated, 'sold and not acknowledged'],
      [owed, 'not told to the ERP yet'],
    ]
      .filter(([value]) => Number(value) !== 0)
      .map(([value, what]) => `, ${count(Number(value))} ${what}`);
    const held = figures.held === true ? '; held back' : '';
    const done = figures.corrected === true ? '; corrected' : held;
    return `${sku}: ${sign}${count(Number(units))} (the ERP has ${count(Number(erp))}, here ${count(Number(ours))}${beside.join('')}): ${reason}${done}`;
  });
}
