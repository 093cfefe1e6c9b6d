/**
 * Counters and histograms that cost nanoseconds to move: plain numbers, given to prom-client when somebody scrapes.
 * Its own children hash their labels at every call, which is microseconds on the path of every request.
 */
import { Counter, type Metric, type Registry } from 'prom-client';

type Labels = Readonly<Record<string, string>>;

export interface Cell {
  value: number;
}

interface FamilyOptions<L extends string> {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly L[];
  readonly registry: Registry;
}

/** A counter with labels. Keep the cells: looking one up is the expensive part. */
export class CounterFamily<L extends string> {
  readonly #cells: { readonly labels: Record<L, string>; readonly cell: Cell }[] = [];

  constructor({ name, help, labelNames, registry }: FamilyOptions<L>) {
    const cells = this.#cells;
    new Counter({
      name,
      help,
      labelNames,
      registers: [registry],
      collect() {
        this.reset();
        for (const { labels, cell } of cells) this.inc(labels, cell.value);
      },
    });
  }

  cell(labels: Record<L, string>): Cell {
    const cell = { value: 0 };
    this.#cells.push({ labels, cell });
    return cell;
  }
}

export class HistogramCell {
  readonly #bounds: readonly number[];
  readonly #counts: Float64Array;
  #sum = 0;
  #count = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = new Float64Array(bounds.length);
  }

  observe(value: number): void {
    this.#sum += value;
    this.#count += 1;
    const bounds = this.#bounds;
    for (let index = 0; index < bounds.length; index += 1) {
      if (value <= (bounds[index] ?? 0)) {
        this.#counts[index] = (this.#counts[index] ?? 0) + 1;
        return;
      }
    }
  }

  /** In the form in which prom-client keeps a histogram: cumulative buckets, then sum and count. */
  values(name: string, labels: Labels) {
    let below = 0;
    const buckets = this.#bounds.map((bound, index) => {
      below += this.#counts[index] ?? 0;
      return { metricName: `${name}_bucket`, labels: { ...labels, le: bound }, value: below };
    });
    return [
      ...buckets,
      { metricName: `${name}_bucket`, labels: { ...labels, le: '+Inf' }, value: this.#count },
      { metricName: `${name}_sum`, labels, value: this.#sum },
      { metricName: `${name}_count`, labels, value: this.#count },
    ];
  }
}

/** A histogram with labels; registered with prom-client as if it were one of its own. */
export class HistogramFamily<L extends string = never> {
  readonly name: string;
  readonly help: string;
  readonly type = 'histogram';
  readonly aggregator = 'sum';
  readonly #bounds: readonly number[];
  readonly #cells: { readonly labels: Labels; readonly cell: HistogramCell }[] = [];

  constructor(
    options: Omit<FamilyOptions<L>, 'labelNames'> & { readonly bounds: readonly number[] },
  ) {
    this.name = options.name;
    this.help = options.help;
    this.#bounds = options.bounds;
    // The registry asks a metric for its name and for get(), and for nothing else.
    options.registry.registerMetric(this as unknown as Metric);
  }

  cell(labels: Record<L, string>): HistogramCell {
    const cell = new HistogramCell(this.#bounds);
    this.#cells.push({ labels, cell });
    return cell;
  }

  get() {
    const { name, help, type, aggregator } = this;
    const values = this.#cells.flatMap(({ labels, cell }) => cell.values(name, labels));
    return Promise.resolve({ name, help, type, aggregator, values });
  }
}
