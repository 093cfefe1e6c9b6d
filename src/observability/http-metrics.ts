/** Requests by route, method and class of status. */
import type { Registry } from 'prom-client';
import { CounterFamily, HistogramFamily, type Cell, type HistogramCell } from './cells.ts';

const BOUNDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
/** Callers choose the method: one that nobody serves must not become a label of its own. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

interface Finished {
  readonly method: string;
  /** The pattern, never the address itself. */
  readonly route: string;
  readonly status: number;
  readonly seconds: number;
}

export class HttpMetrics {
  readonly #durations: HistogramFamily<'method' | 'route' | 'status_class'>;
  readonly #shed: CounterFamily<'reason'>;
  /** By route, then method, then class of status. */
  readonly #cells = new Map<string, Map<string, HistogramCell[]>>();
  readonly #shedCells = new Map<string, Cell>();

  constructor(registry: Registry) {
    this.#durations = new HistogramFamily({
      name: 'http_server_request_duration_seconds',
      help: 'Time to answer a request, by route, method and class of status. Its _count is the number of requests: 4xx includes honest refusals such as sold out, 5xx are requests that were not served.',
      bounds: BOUNDS,
      registry,
    });
    this.#shed = new CounterFamily({
      name: 'http_server_requests_shed_total',
      help: 'Requests turned away early with 503 because the service was overloaded, by what was full.',
      labelNames: ['reason'],
      registry,
    });
  }

  finished({ method, route, status, seconds }: Finished): void {
    let byMethod = this.#cells.get(route);
    if (byMethod === undefined) {
      byMethod = new Map<string, HistogramCell[]>();
      this.#cells.set(route, byMethod);
    }
    const known = METHODS.has(method) ? method : 'OTHER';
    let byClass = byMethod.get(known);
    if (byClass === undefined) byMethod.set(known, (byClass = []));
    const statusClass = Math.floor(status / 100);
    let cell = byClass[statusClass];
    if (cell === undefined) {
      const labels = { method: known, route, status_class: `${statusClass}xx` };
      byClass[statusClass] = cell = this.#durations.cell(labels);
    }
    cell.observe(seconds);
  }

  shed(reason: string): void {
    let cell = this.#shedCells.get(reason);
    if (cell === undefined) this.#shedCells.set(reason, (cell = this.#shed.cell({ reason })));
    cell.value += 1;
  }
}
