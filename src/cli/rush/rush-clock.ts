/** The time as a rush sees it. Tests put their own in its place. */

export interface RushClock {
  /** Milliseconds that only ever go forward; where they start means nothing. */
  now(): number;
  /** Milliseconds since 1970, as this machine believes. */
  wall(): number;
  /** Calls once, after at least so long; the returned function calls it off. */
  after(ms: number, call: () => void): () => void;
}

export const systemClock: RushClock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after: (ms, call) => {
    const timer = setTimeout(call, ms);
    return () => clearTimeout(timer);
  },
};

/** Waits, but no longer than until the signal. */
export function pause(clock: RushClock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) {
      resolve();
      return;
    }
    const end = (): void => {
      callOff();
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const callOff = clock.after(ms, end);
    signal?.addEventListener('abort', end, { once: true });
  });
}

/**
 * What we know of the service's clock, from the `Date` of its answers: its time is our `now()` plus something from
 * `least` to `most`. A `Date` has whole seconds, so each answer gives an interval, and together they narrow it.
 */
export interface ServerClock {
  readonly least: number;
  readonly most: number;
}

/** Deadlines may be judged by another machine (the store's) than the one that stamps the answers. */
const STORE_CLOCK_SLACK_MS = 250;
const UNSTAMPED_SLACK_MS = 2000;

export function assumedServerClock(clock: RushClock): ServerClock {
  const offset = clock.wall() - clock.now();
  return { least: offset - UNSTAMPED_SLACK_MS, most: offset + UNSTAMPED_SLACK_MS };
}

/** `stampMs` is the `Date` of an answer that was asked for and given at these moments of our clock. */
export function narrowServerClock(
  known: ServerClock | null,
  stampMs: number,
  askedAt: number,
  answeredAt: number,
): ServerClock {
  const least = stampMs - answeredAt - STORE_CLOCK_SLACK_MS;
  const most = stampMs + 1000 - askedAt + STORE_CLOCK_SLACK_MS;
  if (known === null || least > known.most || most < known.least) return { least, most };
  return { least: Math.max(least, known.least), most: Math.min(most, known.most) };
}
