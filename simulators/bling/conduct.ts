/** Leads a call past the address's block, the token, the limits and the faults to its route. */
import {
  invalidToken,
  page,
  Refusal,
  serverError,
  tooManyRequests,
  type Answer,
} from './answers.ts';
import type { Call, Route } from './call.ts';
import type { Fault, FaultKind } from './faults.ts';
import type { World } from './world.ts';

/** How a call ends: with the whole answer, with the first half of it, or with a reset alone. */
export interface Outcome {
  readonly ending: 'whole' | 'half' | 'reset';
  readonly answer: Answer;
  readonly fault: FaultKind | null;
}

const NOTHING: Answer = { status: 0 };

export async function conduct(world: World, route: Route, call: Call): Promise<Outcome> {
  const { limits, faults } = world;
  const blocked = limits.meetAddress(call.ip, route.access === 'token');
  if (blocked === 'reset') return { ending: 'reset', answer: NOTHING, fault: null };
  if (blocked !== null) return whole(blocked);
  if (faults.meet(call.method, call.path, (kind) => kind === 'outage') !== null) {
    return whole(page(503, 'Service Unavailable'), 'outage');
  }
  const refused = admit(world, route, call);
  if (refused !== null) return whole(refused);
  const fault = faults.meet(call.method, call.path, (kind) => kind !== 'outage');
  return fault === null ? whole(perform(world, route, call)) : suffer(world, route, call, fault);
}

/** The token first, as the limit is the account's and the token says whose; then the limit. */
function admit(world: World, { access }: Route, call: Call): Answer | null {
  if (access === 'token') return null;
  return attempt(() => {
    world.oauth.checkCall(call.authorization, call.jwt, access.scope);
    return world.limits.meetAccount();
  });
}

function perform(world: World, route: Route, call: Call): Answer {
  return attempt(() => route.handle(world, call));
}

async function suffer(world: World, route: Route, call: Call, fault: Fault): Promise<Outcome> {
  const { kind, delayMs = 1_000 } = fault;
  const done = (): Answer => perform(world, route, call);
  switch (kind) {
    case 'outage':
      return whole(page(503, 'Service Unavailable'), kind);
    case 'error_before':
      return whole(serverError(), kind);
    case 'error_after':
      done();
      return whole(serverError(), kind);
    case 'reset_before':
      return { ending: 'reset', answer: NOTHING, fault: kind };
    case 'reset_after':
      return { ending: 'reset', answer: done(), fault: kind };
    case 'reset_in_answer':
      return { ending: 'half', answer: done(), fault: kind };
    case 'delay_before':
      await realDelay(delayMs);
      return whole(done(), kind);
    case 'delay_after': {
      const answer = done();
      await realDelay(delayMs);
      return whole(answer, kind);
    }
    case 'late_apply':
      world.clock.after(delayMs, done);
      return whole(page(504, 'Gateway Time-out'), kind);
    case 'garbage_before':
      return whole(garbage(call.method === 'POST' ? 201 : 200), kind);
    case 'garbage_after':
      return whole(garbage(done().status), kind);
    case 'twice': {
      const answer = done();
      done();
      return whole(answer, kind);
    }
    case 'too_many_second':
      return whole(tooManyRequests(world.switches.limitPerSecond, 'second'), kind);
    case 'too_many_day':
      return whole(tooManyRequests(world.switches.limitPerDay, 'day'), kind);
    case 'unauthorized':
      return whole(invalidToken(), kind);
    case 'status_after':
      done();
      return whole({ status: fault.status ?? 500, body: fault.body }, kind);
    case 'status':
      return whole({ status: fault.status ?? 500, body: fault.body }, kind);
  }
}

function whole(answer: Answer, fault: FaultKind | null = null): Outcome {
  return { ending: 'whole', answer, fault };
}

/** JSON that ends in its middle. */
function garbage(status: number): Answer {
  return {
    status: status === 204 ? 200 : status,
    body: '{"data":{"id":',
    headers: { 'content-type': 'application/json; charset=utf-8' },
  };
}

function attempt<T extends Answer | null>(act: () => T): T | Answer {
  try {
    return act();
  } catch (error) {
    if (error instanceof Refusal) return error.answer;
    throw error;
  }
}

/** Real time, as the caller's patience is real too. */
async function realDelay(milliseconds: number): Promise<void> {
  await new Promise((resolve) => {
    setTimeout(resolve, milliseconds).unref();
  });
}
