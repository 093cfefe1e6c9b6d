/** Units claimed over time: how many claims overlap, at the most, ever or within a window. Pure. */

/** So many units, from one moment to another. */
export interface Claim {
  readonly quantity: number;
  readonly from: number;
  readonly until: number;
}

/**
 * What happens when one claim ends at the very moment that another begins. To prove that too much was claimed, they
 * must not count together (`endsFirst`); to prove that little was, they must (`startsFirst`).
 */
type TieRule = 'endsFirst' | 'startsFirst';

const BLOCK = 64;

export class Timeline {
  /** Ascending moments, and the units claimed from each until the next. */
  private readonly at: Float64Array;
  private readonly units: Float64Array;
  private readonly blockMost: Float64Array;

  constructor(claims: readonly Claim[], ties: TieRule) {
    const events = claims.flatMap(({ quantity, from, until }) =>
      from < until
        ? [
            { at: from, change: quantity },
            { at: until, change: -quantity },
          ]
        : [],
    );
    const sign = ties === 'startsFirst' ? -1 : 1;
    events.sort((a, b) => (a.at === b.at ? sign * (a.change - b.change) : a.at - b.at));
    this.at = Float64Array.from(events, (event) => event.at);
    let claimed = 0;
    this.units = Float64Array.from(events, (event) => (claimed += event.change));
    this.blockMost = new Float64Array(Math.ceil(events.length / BLOCK));
    this.units.forEach((units, index) => {
      const block = Math.floor(index / BLOCK);
      this.blockMost[block] = Math.max(this.blockMost[block] ?? 0, units);
    });
  }

  peak(): number {
    return this.blockMost.reduce((most, units) => Math.max(most, units), 0);
  }

  /** The most units claimed at any moment of the window, its ends included. */
  most(from: number, until: number): number {
    const first = this.firstNotBefore(from);
    let most = first === 0 ? 0 : (this.units[first - 1] ?? 0);
    let index = first;
    while (index < this.at.length && (this.at[index] ?? 0) <= until) {
      const block = index / BLOCK;
      const blockEnd = this.at[index + BLOCK - 1];
      if (Number.isInteger(block) && blockEnd !== undefined && blockEnd <= until) {
        most = Math.max(most, this.blockMost[block] ?? 0);
        index += BLOCK;
      } else {
        most = Math.max(most, this.units[index] ?? 0);
        index++;
      }
    }
    return most;
  }

  private firstNotBefore(moment: number): number {
    let low = 0;
    let high = this.at.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.at[middle] ?? 0) < moment) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
