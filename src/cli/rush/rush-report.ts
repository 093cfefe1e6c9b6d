/** The last word of a rush, for a person: thresholds first, then what happened, then the verdict. */
import type { LatencySummary } from './rush-meter.ts';
import { skuCount } from './rush-plan.ts';
import type { RushPlan } from './rush-plan.ts';
import { type RushResult, isAtFault } from './rush-result.ts';
import { type ThresholdStatus, showBounds } from './rush-thresholds.ts';
import type { BookDifference, SkuFinding } from './rush-verdict.ts';

interface ReportOptions {
  readonly colour: boolean;
}

type Paint = (style: 'good' | 'bad' | 'doubt' | 'dim' | 'bold', text: string) => string;

const CODES = { good: '32', bad: '31', doubt: '33', dim: '2', bold: '1' } as const;
const STATUS: Readonly<Record<ThresholdStatus, { style: 'good' | 'bad' | 'doubt'; word: string }>> =
  {
    pass: { style: 'good', word: 'PASS' },
    fail: { style: 'bad', word: 'FAIL' },
    unproven: { style: 'doubt', word: '????' },
  };
const BAR_WIDTH = 40;
const FAULTS_SHOWN = 10;

/** Colour only where a person looks at it and has not asked for none (no-color.org). */
export function wantsColour(
  output: { readonly isTTY?: boolean | undefined },
  env: Readonly<Record<string, string | undefined>>,
): boolean {
  return output.isTTY === true && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
}

export function formatReport(result: RushResult, options: ReportOptions): string {
  const paint: Paint = (style, text) =>
    options.colour ? `\u001b[${CODES[style]}m${text}\u001b[0m` : text;
  const sections = [
    [paint('bold', describePlan(result.plan)), paint('dim', describeRepeat(result))],
    [paint('bold', 'THRESHOLDS'), ...thresholdLines(result, paint)],
    faultLines(result, paint),
    [paint('bold', 'UNITS'), ...unitLines(result)],
    [paint('bold', 'BUYERS'), ...buyerLines(result)],
    [paint('bold', 'LATENCY'), ...latencyLines(result, paint)],
    [verdictLine(result, paint)],
  ];
  const filled = sections.filter((lines) => lines.length > 0);
  return `${filled.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

function describePlan(plan: RushPlan): string {
  const skus = skuCount(plan);
  const spread = skus > 1 && plan.zipf > 0 ? ` (Zipf ${plan.zipf})` : '';
  const stock = plan.stock === null ? 'as they stand' : `with ${number(plan.stock)} units each`;
  const pace =
    plan.arrivals.mode === 'open'
      ? `open loop, ${number(plan.arrivals.rate)}/s ${plan.arrivals.spacing}`
      : 'closed loop';
  const rounds = plan.rounds > 1 ? `, ${plan.rounds} rounds` : '';
  const buyers = `${number(plan.buyers)} ${plan.buyers === 1 ? 'buyer' : 'buyers'}`;
  const goods = `${number(skus)} ${skus === 1 ? 'SKU' : 'SKUs'}${spread} ${stock}`;
  return `Rush: ${buyers} for ${goods}, ${pace}, ${plan.connections} connections${rounds}`;
}

function describeRepeat({ plan, startedAt }: RushResult): string {
  const { confirm, release, abandon } = plan.shares;
  const shares = `confirm ${share(confirm)}, release ${share(release)}, abandon ${share(abandon)}`;
  return `at ${plan.origin}${plan.basePath}, ${startedAt}; granted buyers ${shares}; seed ${plan.seed}`;
}

function thresholdLines({ thresholds }: RushResult, paint: Paint): string[] {
  const width = Math.max(...thresholds.map(({ rule }) => rule.length));
  return thresholds.map(({ status, rule, found }) => {
    const { style, word } = STATUS[status];
    return `  ${paint(style, word)}  ${rule.padEnd(width)}  ${found}`;
  });
}

/** Which SKUs are at fault, and how; without this a failed verdict could not be followed up. */
function faultLines({ rounds }: RushResult, paint: Paint): string[] {
  const faults = rounds.flatMap(({ skus }, index) =>
    skus.filter(isAtFault).map((sku) => describeFault(sku, rounds.length > 1 ? index + 1 : null)),
  );
  if (faults.length === 0) return [];
  const lines = [paint('bold', 'WHERE'), ...faults.slice(0, FAULTS_SHOWN)];
  const more = faults.length - FAULTS_SHOWN;
  if (more > 0) lines.push(`  … and ${more} more SKUs; --json lists all`);
  return lines;
}

function describeFault(sku: SkuFinding, round: number | null): string {
  const where = round === null ? sku.sku : `${sku.sku} (round ${round})`;
  const facts: string[] = [];
  if (sku.oversold.most > 0) {
    facts.push(
      `oversold ${showBounds(sku.oversold)}: offered ${sku.offered}, granted ${sku.granted}, confirmed ${sku.confirmed}`,
    );
  }
  if (sku.undersold.most > 0) {
    const because =
      sku.undersold.least > 0
        ? `${number(sku.wrongRefusals)} refusals while units were free`
        : 'unless the unanswered were granted';
    facts.push(`undersold ${showBounds(sku.undersold)}: ${because}`);
  }
  facts.push(...sku.differences.map(describeDifference));
  return `  ${where}: ${facts.join('; ')}`;
}

function describeDifference({ figure, implied, found }: BookDifference): string {
  return `the books say ${figure} ${found}, the answers ${showBounds(implied)}`;
}

function unitLines({ rounds }: RushResult): string[] {
  const skus = rounds.flatMap((round) => round.skus);
  const sum = (figure: (sku: SkuFinding) => number): number =>
    skus.reduce((total, sku) => total + figure(sku), 0);
  const held = { least: sum((sku) => sku.held.least), most: sum((sku) => sku.held.most) };
  const read = skus.filter((sku) => sku.after !== null);
  const left = read.reduce((total, sku) => total + (sku.after?.available ?? 0), 0);
  const maybe = sum((sku) => sku.maybeGranted);
  const lines = [
    `  offered ${number(sum((sku) => sku.offered))}; granted ${number(sum((sku) => sku.granted))}, of which` +
      ` ${number(sum((sku) => sku.confirmed))} sold and ${showBounds(held)} still held;` +
      ` available now ${read.length === skus.length ? number(left) : 'unread'}`,
  ];
  if (maybe > 0) {
    const known = sum(({ after, before, held: { least } }) =>
      after === null ? 0 : (after.reserved ?? 0) - (before.reserved ?? 0) - least,
    );
    lines.push(
      `  unknown: ${number(maybe)} units whose reserve was never answered; the service's books show ${number(known)} of them reserved`,
    );
  }
  const others = sum((sku) => sku.before.reserved ?? 0);
  if (others > 0) {
    lines.push(
      `  ${number(others)} units were reserved by others beforehand: so many oversold ones could hide; use a quiet SKU for a strict proof`,
    );
  }
  return lines;
}

function buyerLines(result: RushResult): string[] {
  const { counts } = result;
  const line = (label: string, count: number, rest = ''): string =>
    `  ${label.padEnd(12)}${number(count).padStart(9)}${rest === '' ? '' : `  ${rest}`}`;
  const after = [
    counts.confirmed > 0 ? `${number(counts.confirmed)} confirmed` : '',
    counts.released > 0 ? `${number(counts.released)} released` : '',
    counts.gone > 0 ? `${number(counts.gone)} came too late` : '',
    counts.followFailed > 0 ? `${number(counts.followFailed)} could not confirm or release` : '',
    counts.followUnknown > 0 ? `${number(counts.followUnknown)} without knowing the end` : '',
  ];
  const codes = Object.entries(counts.byCode).sort(([, a], [, b]) => b - a);
  const lines = [
    line('granted', counts.granted, after.filter((text) => text !== '').join(', ')),
    line('refused', counts.refused + counts.declined, list(codes)),
  ];
  if (counts.turnedAway > 0) lines.push(line('turned away', counts.turnedAway, '429 or 503'));
  if (counts.failed > 0) lines.push(line('failed', counts.failed));
  lines.push(line('unknown', counts.unknown));
  if (counts.sent < counts.buyers) lines.push(line('not sent', counts.buyers - counts.sent));
  const rate = `${number(Math.round(result.requestsPerSecond))} requests/s`;
  const seconds = (result.rushMs / 1000).toFixed(2);
  const again = result.retries > 0 ? `; ${number(result.retries)} asked again` : '';
  const settled = result.settled > 0 ? `; ${number(result.settled)} settled afterwards` : '';
  lines.push(`  ${rate} over ${seconds} s${again}${settled}`);
  const troubles = Object.entries(counts.troubles).sort(([, a], [, b]) => b - a);
  if (troubles.length > 0) lines.push(`  troubles met: ${list(troubles.slice(0, 8))}`);
  return lines;
}

function latencyLines(result: RushResult, paint: Paint): string[] {
  const { latencies, plan } = result;
  const open = plan.arrivals.mode === 'open';
  const rows: [string, LatencySummary][] = [
    ['granted', latencies.granted],
    ['refused', latencies.refused],
    ['both', latencies.answers],
  ];
  if (open) rows.push(['both, uncorrected', latencies.fromSending]);
  if (latencies.follows.count > 0) rows.push(['confirm, release', latencies.follows]);
  const head = ['p50', 'p90', 'p99', 'p99.9', 'max'].map((name) => name.padStart(10)).join('');
  const lines = [
    `  ${'ms'.padEnd(18)}${head}`,
    ...rows.filter(([, { count }]) => count > 0).map(latencyRow),
    ...barLines(result),
  ];
  const note = open
    ? 'counted from when a buyer meant to ask, so waiting behind a slow answer counts (coordinated omission corrected)'
    : 'closed loop: a slow answer also delays the buyers behind it, unseen here; --rate shows what they would feel';
  lines.push(paint('dim', `  ${note}`));
  if (open && latencies.ownDelay.p99Ms > 5) {
    const own = latencies.ownDelay.p99Ms.toFixed(1);
    lines.push(`  this generator itself sent late (p99 ${own} ms): too little CPU for this rate`);
  }
  return lines;
}

function latencyRow([label, summary]: [string, LatencySummary]): string {
  const { p50Ms, p90Ms, p99Ms, p999Ms, maxMs } = summary;
  const figures = [p50Ms, p90Ms, p99Ms, p999Ms, maxMs];
  return `  ${label.padEnd(18)}${figures.map((ms) => ms.toFixed(2).padStart(10)).join('')}`;
}

function barLines({ latencies }: RushResult): string[] {
  const used = latencies.bars.flatMap(({ count }, index) => (count > 0 ? [index] : []));
  const first = used[0];
  if (first === undefined) return [];
  const bars = latencies.bars.slice(first, (used.at(-1) ?? first) + 1);
  const most = Math.max(...bars.map(({ count }) => count));
  return [
    '',
    ...bars.map(({ upToMs, count }) => {
      const label = upToMs === null ? 'slower' : `≤ ${upToMs}`;
      // Whoever is there is seen: one slow answer among a million still gets a mark.
      const width = count === 0 ? 0 : Math.max(1, Math.round((BAR_WIDTH * count) / most));
      return `  ${label.padStart(10)} ms ${'█'.repeat(width).padEnd(BAR_WIDTH)} ${number(count)}`;
    }),
  ];
}

function verdictLine(result: RushResult, paint: Paint): string {
  const { verdict, thresholds, counts } = result;
  const named = (status: ThresholdStatus): string =>
    thresholds
      .filter((threshold) => threshold.status === status)
      .map(({ name }) => name)
      .join(', ');
  if (verdict === 'passed') {
    return paint(
      'good',
      'VERDICT: PASSED. No unit was sold that was not there, and none refused that was.',
    );
  }
  if (verdict === 'failed') return paint('bad', `VERDICT: FAILED on ${named('fail')}.`);
  const unknown = counts.unknown + counts.followUnknown;
  return paint(
    'doubt',
    `VERDICT: INCONCLUSIVE. Nothing wrong was proven, but ${named('unproven')} could not be shown to hold (unknown: ${unknown}).`,
  );
}

function list(entries: readonly (readonly [string, number])[]): string {
  return entries.map(([name, count]) => `${name} ${number(count)}`).join(', ');
}

function number(value: number): string {
  return value.toLocaleString('en-US');
}

function share(value: number): string {
  return `${Number((100 * value).toFixed(1))} %`;
}
