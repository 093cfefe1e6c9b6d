/** How late the event loop runs: the mean over the last half second, so that a moment ago is forgotten soon. */
import { monitorEventLoopDelay } from 'node:perf_hooks';

const RESOLUTION_MS = 10;
const WINDOW_MS = 500;

export interface EventLoopMonitor {
  /** In milliseconds. */
  delay(): number;
  stop(): void;
}

export function monitorEventLoop(): EventLoopMonitor {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  let delay = 0;
  const timer = setInterval(() => {
    // Each reading holds the pause that was asked for; an empty window has no mean.
    const mean = histogram.mean / 1e6 - RESOLUTION_MS;
    delay = Number.isFinite(mean) ? Math.max(0, mean) : 0;
    histogram.reset();
  }, WINDOW_MS);
  timer.unref();
  return {
    delay: () => delay,
    stop: () => {
      clearInterval(timer);
      histogram.disable();
    },
  };
}
