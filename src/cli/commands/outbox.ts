/** `holdfast outbox`: what the ERP is still to be told, and what a person decides about dead letters. */
import { Option } from 'commander';
import { MESSAGE_STATES } from '../../core/outbox/message.ts';
import type { CliParts } from '../cli-parts.ts';
import { CliFailure, EXIT, type ExitCode } from '../exit-codes.ts';
import {
  keyOption,
  moreHelp,
  urlOption,
  wholeNumber,
  withService,
  type ServiceOptions,
} from '../options.ts';
import type { Registry } from '../registry.ts';
import type { ServiceClient } from '../service-client.ts';
import { plural, table, writeJson, writeLines } from '../terminal.ts';

interface Options extends ServiceOptions {
  readonly json?: true;
}

interface ListOptions extends Options {
  readonly state?: string;
  readonly sku?: string;
  readonly limit: number;
}

interface ReasonOptions extends Options {
  readonly reason: string;
}

interface RetryOptions extends ReasonOptions {
  readonly all?: true;
}

interface DiscardOptions extends ReasonOptions {
  readonly units?: string;
}

interface Message {
  readonly message_id: number;
  readonly kind: string;
  readonly state: string;
  readonly reservation_id: string;
  readonly order_id: string | null;
  readonly lines: readonly { readonly sku: string; readonly quantity: number }[];
  readonly created_at: string;
  readonly attempts: number;
  readonly next_attempt_at: string | null;
  readonly may_have_arrived: boolean;
  readonly reference: string | null;
  readonly last_error: string | null;
}

type Parent = ReturnType<Registry['program']['command']>;

const LINES_SHOWN = 3;
const PAGE = 1_000;

export function addOutbox(registry: Registry): void {
  const outbox = registry.program
    .command('outbox')
    .description('what the ERP is still to be told; dead letters retried or discarded')
    .addHelpText('after', moreHelp('holdfast outbox list --state dead'));
  addList(registry, outbox);
  addShow(registry, outbox);
  addRetry(registry, outbox);
  addDiscard(registry, outbox);
}

function addList({ parts, action }: Registry, parent: Parent): void {
  parent
    .command('list')
    .description('the messages that wait, oldest first; exit code 1 if there are dead letters')
    .addOption(
      new Option('--state <state>', 'only these; else all that are not delivered').choices([
        ...MESSAGE_STATES,
      ]),
    )
    .option('--sku <sku>', 'only those that name it')
    .option('--limit <n>', 'at most so many', wholeNumber, 50)
    .addOption(urlOption())
    .addOption(keyOption())
    .option('--json', 'print as JSON')
    .addHelpText('after', moreHelp('holdfast outbox list --state dead --sku SKU-001'))
    .action(
      action((options: ListOptions) =>
        withService(options, parts, async (client) => {
          const { stdout } = parts.io;
          const { state, sku, limit } = options;
          const query = new URLSearchParams({
            ...(state === undefined ? {} : { state }),
            ...(sku === undefined ? {} : { sku }),
            limit: String(Math.min(limit, PAGE)),
          });
          const { items, counts } = await list(client, query, limit);
          const shown = items.slice(0, limit);
          if (options.json) writeJson(stdout, { items: shown, counts });
          else writeLines(stdout, describeList(shown, counts));
          return counts['dead'] === 0 ? EXIT.ok : EXIT.found;
        }),
      ),
    );
}

/** At least `limit` of them, if there are so many. */
async function list(client: ServiceClient, query: URLSearchParams, limit: number) {
  const items: Message[] = [];
  let counts: Readonly<Record<string, number>> = {};
  for (let path: unknown = `/outbox?${query.toString()}`; typeof path === 'string';) {
    const page = await client.must({ method: 'GET', path });
    items.push(...(page['items'] as Message[]));
    counts = page['counts'] as typeof counts;
    path = items.length < limit ? page['next'] : null;
  }
  return { items, counts };
}

function describeList(items: readonly Message[], counts: Readonly<Record<string, number>>) {
  const rows = items.map((message) => [
    String(message.message_id),
    message.kind,
    message.state,
    message.created_at,
    linesText(message),
    message.last_error ?? '',
  ]);
  const { pending, in_flight: inFlight, unknown, dead } = counts;
  return [
    ...(rows.length === 0
      ? []
      : table([['ID', 'KIND', 'STATE', 'SINCE', 'UNITS', 'LAST ERROR'], ...rows], [0])),
    `${plural(Number(pending), 'message')} pending, ${inFlight} in flight, ${unknown} unknown, ${dead} dead.`,
  ];
}

function linesText({ lines }: Message): string {
  const shown = lines.slice(0, LINES_SHOWN).map(({ sku, quantity }) => `${quantity} × ${sku}`);
  const more = lines.length > LINES_SHOWN ? [`${lines.length - LINES_SHOWN} more`] : [];
  return [...shown, ...more].join(', ');
}

function addShow({ parts, action }: Registry, parent: Parent): void {
  parent
    .command('show')
    .description('one message in full')
    .argument('<id>', 'its number, as `holdfast outbox list` tells it', wholeNumber)
    .addOption(urlOption())
    .addOption(keyOption())
    .option('--json', 'print as JSON')
    .addHelpText('after', moreHelp('holdfast outbox show 1042'))
    .action(
      action((id: number, options: Options) =>
        withService(options, parts, async (client) => {
          const message = await client.must({ method: 'GET', path: `/outbox/${id}` });
          if (options.json) writeJson(parts.io.stdout, message);
          else writeLines(parts.io.stdout, describe(message as unknown as Message));
          return EXIT.ok;
        }),
      ),
    );
}

function describe(message: Message): string[] {
  const { may_have_arrived: doubt, state } = message;
  const facts: [string, string | null][] = [
    ['message', `${message.message_id}, ${message.kind}, ${state}`],
    ['reservation', message.reservation_id],
    ['order', message.order_id],
    ...message.lines.map(({ sku, quantity }): [string, string] => [
      'units',
      `${quantity} × ${sku}`,
    ]),
    ['since', message.created_at],
    ['attempts', String(message.attempts)],
    ['next attempt', message.next_attempt_at],
    ['in the ERP', doubt ? 'perhaps: look there before sending it again' : message.reference],
    ['last error', message.last_error],
  ];
  return table(facts.filter((fact): fact is [string, string] => fact[1] !== null));
}

function addRetry({ parts, action }: Registry, parent: Parent): void {
  parent
    .command('retry')
    .description('send a dead letter again, or all of them')
    .argument('[id]', 'its number', wholeNumber)
    .option('--all', 'every dead letter, but for those that may have arrived')
    .requiredOption('--reason <text>', 'what was seen to; stays in the ledger')
    .addOption(urlOption())
    .addOption(keyOption())
    .option('--json', 'print as JSON')
    .addHelpText(
      'after',
      moreHelp(
        'holdfast outbox retry 1042 --reason "product exists now"',
        'If it may have arrived (`holdfast outbox show`), look into the ERP first. With --all the exit code is 1 if such a one is left.',
      ),
    )
    .action(
      action((id: number | undefined, options: RetryOptions) => {
        if ((id === undefined) !== (options.all === true)) {
          throw new CliFailure('expected either the number of a dead letter, or --all');
        }
        return withService(options, parts, async (client) =>
          id === undefined
            ? retryAll(client, options, parts)
            : retryOne(client, id, options, parts),
        );
      }),
    );
}

function retry(client: ServiceClient, id: number, { reason }: RetryOptions) {
  return client.must({ method: 'POST', path: `/outbox/${id}/retry`, json: { reason } });
}

async function retryOne(
  client: ServiceClient,
  id: number,
  options: RetryOptions,
  { io }: CliParts,
): Promise<ExitCode> {
  const message = await retry(client, id, options);
  if (options.json) writeJson(io.stdout, message);
  else writeLines(io.stdout, [`Message ${id} is pending: it is sent again.`]);
  return EXIT.ok;
}

async function retryAll(
  client: ServiceClient,
  options: RetryOptions,
  { io }: CliParts,
): Promise<ExitCode> {
  const query = new URLSearchParams({ state: 'dead', limit: String(PAGE) });
  const { items } = await list(client, query, Infinity);
  const idsOf = (inDoubt: boolean): number[] =>
    items.filter((item) => item.may_have_arrived === inDoubt).map((item) => item.message_id);
  const [sure, doubtful] = [idsOf(false), idsOf(true)];
  for (const id of sure) await retry(client, id, options);
  if (options.json) writeJson(io.stdout, { retried: sure, left: doubtful });
  else {
    writeLines(io.stdout, [
      `${plural(sure.length, 'message is', 'messages are')} pending: sent again.`,
      ...doubtful.map((id) => `Message ${id} may have arrived: look into the ERP first.`),
    ]);
  }
  return doubtful.length === 0 ? EXIT.ok : EXIT.found;
}

function addDiscard({ parts, action }: Registry, parent: Parent): void {
  parent
    .command('discard')
    .description('give a dead letter up: the ERP will not be told')
    .argument('<id>', 'its number', wholeNumber)
    .requiredOption('--reason <text>', 'why; stays in the ledger')
    .addOption(
      new Option(
        '--units <what>',
        'of a sale, and needed there. deduct: it stands, and its units leave the shelf; restock: it is cancelled, and they are on sale again',
      ).choices(['deduct', 'restock']),
    )
    .addOption(urlOption())
    .addOption(keyOption())
    .option('--json', 'print as JSON')
    .addHelpText(
      'after',
      moreHelp('holdfast outbox discard 1042 --units deduct --reason "entered by hand"'),
    )
    .action(
      action((id: number, options: DiscardOptions) =>
        withService(options, parts, async (client) => {
          const { reason, units } = options;
          const json = { reason, ...(units === undefined ? {} : { units }) };
          const path = `/outbox/${id}/discard`;
          const message = await client.must({ method: 'POST', path, json });
          if (options.json) writeJson(parts.io.stdout, message);
          else writeLines(parts.io.stdout, [`Message ${id} is given up.`]);
          return EXIT.ok;
        }),
      ),
    );
}
