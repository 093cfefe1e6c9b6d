/** `holdfast erp status`: what `GET /erp` says, one line for each thing an operator asks. */
import { count, plural, type Fact } from './terminal.ts';

/** As much of it as is told to people. */
export interface ErpStatusFields {
  readonly erp: string;
  readonly connection: {
    readonly state: string;
    readonly checked_at: string | null;
    readonly problem: string | null;
  } | null;
  readonly lease: { readonly ours: boolean; readonly holder: string | null } | null;
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
  readonly calls: {
    readonly per_day: number | null;
    readonly today: number;
    readonly left_today: number | null;
  } | null;
  readonly reconciliation: {
    readonly ended_at: string;
    readonly compared: number;
    readonly drifts: number;
    readonly corrected: number;
    readonly moving: number;
  } | null;
  readonly next_reconciliation_at: string | null;
  readonly job: {
    readonly job: string;
    readonly started_at: string;
    readonly compared: number;
  } | null;
  readonly webhooks: { readonly last_received_at: string | null; readonly silent: boolean } | null;
  readonly raises: { readonly state: string; readonly held_since: string | null } | null;
}

type Add = (name: string, value: string, fine?: boolean) => void;

export function erpFacts(status: ErpStatusFields): Fact[] {
  const facts: Fact[] = [];
  const add: Add = (name, value, fine = true) => {
    facts.push({ name, value, fine });
  };
  add('ERP', status.erp === 'none' ? 'none: HOLDFAST_ERP is not set' : status.erp);
  addConnection(status, add);
  addOutbox(status, add);
  addDelivery(status, add);
  addComparison(status, add);
  addRaises(status, add);
  return facts;
}

function addConnection({ connection, lease }: ErpStatusFields, add: Add): void {
  if (connection !== null) {
    const { state, checked_at: at, problem } = connection;
    const checked = at === null ? '' : `, asked at ${at}`;
    add('connection', `${problem ?? STATES[state] ?? state}${checked}`, state !== 'failing');
  }
  if (lease !== null && !lease.ours) {
    add('its work', `done by another instance: ${lease.holder ?? 'none has taken it yet'}`);
  }
}

const STATES: Readonly<Record<string, string>> = {
  unchecked: 'not asked yet',
  working: 'working',
};

function addOutbox({ outbox }: ErpStatusFields, add: Add): void {
  if (outbox === null) return;
  const { pending, in_flight: inFlight, unknown, dead, oldest_seconds: oldest } = outbox;
  const waiting = pending + inFlight + unknown;
  const age = oldest === null ? '' : `, the oldest for ${span(oldest)}`;
  const told = dead === 0 ? 'every sale' : 'all but the dead letters';
  add(
    'outbox',
    waiting === 0
      ? `empty: the ERP has taken ${told}`
      : `${plural(waiting, 'message')} to be delivered${age}`,
  );
  if (unknown > 0) {
    add('outcome unknown', `${count(unknown)} of them: sent without an answer, being looked for`);
  }
  if (outbox.drained_at !== null) {
    const { drained_at: at, drain_seconds: seconds } = outbox;
    add('delivered by', `${at}, in ${span(Number(seconds))}, if nothing goes wrong`);
  }
  add(
    'dead letters',
    dead === 0
      ? 'none'
      : `${count(dead)}: each waits for a person (holdfast outbox list --state dead)`,
    dead === 0,
  );
}

function addDelivery({ relay, calls }: ErpStatusFields, add: Add): void {
  if (relay !== null) {
    const { breaker, paused_until: until, last_error: error } = relay;
    add('circuit breaker', BREAKER[breaker] ?? breaker, breaker === 'closed');
    if (until !== null) add('delivery paused', `until ${until}`);
    if (error !== null) add('latest trouble', error);
  }
  if (calls !== null) {
    const { today, per_day: most, left_today: left } = calls;
    const limit = most === null || left === null ? '' : ` of ${count(most)}, ${count(left)} left`;
    add('calls today', `${count(today)}${limit}`, left !== 0);
  }
}

const BREAKER: Readonly<Record<string, string>> = {
  closed: 'closed: calls go out',
  open: 'open: the ERP did not answer several times in a row and is left alone for a while',
  half_open: 'half open: one call tries whether the ERP answers again',
};

function addComparison(status: ErpStatusFields, add: Add): void {
  const { reconciliation, next_reconciliation_at: next, job, webhooks } = status;
  if (reconciliation !== null) {
    const { ended_at: at, compared, drifts, corrected, moving } = reconciliation;
    const figures = `${plural(compared, 'SKU')} compared, ${count(drifts)} differed, ${count(corrected)} corrected, ${count(moving)} on the move`;
    add('last reconciliation', `${at}: ${figures}`, drifts === corrected);
  }
  if (next !== null) add('next reconciliation', next);
  if (job !== null) {
    const { job: kind, started_at: at, compared } = job;
    add('running now', `${kind} since ${at}, ${plural(compared, 'SKU')} compared so far`);
  }
  if (webhooks !== null) {
    const { last_received_at: last, silent } = webhooks;
    const since = last === null ? '' : ' too long ago,';
    const silence = silent ? `:${since} see in the ERP whether webhooks are switched on` : '';
    add('last webhook', `${last ?? 'none has ever come'}${silence}`, !silent);
  }
}

function addRaises({ raises }: ErpStatusFields, add: Add): void {
  if (raises?.state !== 'held') return;
  add(
    'higher balances',
    `held back since ${raises.held_since}: sales were made here that the ERP was never told of. Enter them there, then: holdfast erp accept`,
    false,
  );
}

/** Seconds as people say them. */
function span(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? `${minutes} min` : `${(minutes / 60).toFixed(1)} h`;
}
