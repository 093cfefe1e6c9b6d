/** Tells operators when something is wrong with the servers, once, and once when it is over. */
import type { Report } from './sale-guard.ts';

const LOOK_EVERY_MS = 250;

/** `trouble`: what is wrong, for people; null while all is well. Returns the way to stop. */
export function tellOutages(trouble: () => string | null, report: Report): () => void {
  let begun: number | null = null;
  const timer = setInterval(() => {
    const reason = trouble();
    if (reason !== null && begun === null) {
      begun = performance.now();
      report(`Redis is in trouble: ${reason}`);
    }
    if (reason === null && begun !== null) {
      report(`Redis is well again, after ${((performance.now() - begun) / 1000).toFixed(1)} s`);
      begun = null;
    }
  }, LOOK_EVERY_MS).unref();
  return () => clearInterval(timer);
}
