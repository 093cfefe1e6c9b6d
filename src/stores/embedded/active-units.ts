/**
 * Units of active lines by SKU and deadline, in memory: what of a SKU lapses when. It is asked at every refusal and
 * every look at a level, and kept in the file by time only, because an index by SKU would make each reserve of another
 * SKU dirty another page.
 *
 * Lines of one SKU with one deadline share a row of 20 bytes. Rows stand in order in blocks of at most 256, and the
 * blocks in order: a B-tree of two levels.
 */

const ROWS = 256;

class Block {
  readonly sku = new Uint32Array(ROWS);
  readonly at = new Float64Array(ROWS);
  readonly units = new Uint32Array(ROWS);
  readonly lines = new Uint32Array(ROWS);
  length = 0;

  /** Is the row before the key? */
  before(row: number, sku: number, at: number): boolean {
    const found = this.sku[row] as number;
    return found < sku || (found === sku && (this.at[row] as number) < at);
  }

  /** The first row that is not before the key. */
  search(sku: number, at: number): number {
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.before(middle, sku, at)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Moves the rows from `row` on by `by` places. */
  shift(row: number, by: number): void {
    for (const column of [this.sku, this.at, this.units, this.lines]) {
      column.copyWithin(row + by, row, this.length);
    }
    this.length += by;
  }

  insert(row: number, sku: number, at: number): this {
    this.shift(row, 1);
    this.sku[row] = sku;
    this.at[row] = at;
    this.units[row] = 0;
    this.lines[row] = 0;
    return this;
  }

  /** Takes the rows from `row` on out, and appends them to `other`. */
  moveTo(other: Block, row: number): void {
    other.sku.set(this.sku.subarray(row, this.length), other.length);
    other.at.set(this.at.subarray(row, this.length), other.length);
    other.units.set(this.units.subarray(row, this.length), other.length);
    other.lines.set(this.lines.subarray(row, this.length), other.length);
    other.length += this.length - row;
    this.length = row;
  }
}

/** Lines side by side: the first `length` of each column. */
export interface LineColumns {
  readonly length: number;
  readonly sku: Uint32Array;
  readonly at: Float64Array;
  readonly units: Uint32Array;
}

/** Spreads a line over 32 bits. */
function mixed(sku: number, at: number, units: number): number {
  let bits = Math.imul(sku ^ Math.imul(units, 0x9e3779b1), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 15) ^ at, 0xc2b2ae35);
  return Math.imul(bits ^ (bits >>> 13) ^ (at / 2 ** 32), 0x27d4eb2f);
}

/** Depends on every line, on their order not at all: a line that is not what was written makes another sum. */
export function sumOf({ length, sku, at, units }: LineColumns): number {
  let sum = 0;
  for (let line = 0; line < length; line += 1) {
    sum = (sum + mixed(sku[line] as number, at[line] as number, units[line] as number)) | 0;
  }
  return sum;
}

export class ActiveUnits {
  /** Never empty. */
  readonly #blocks: Block[] = [new Block()];
  #sum = 0;

  /** See `sumOf`: over the lines that it holds. */
  get sum(): number {
    return this.#sum;
  }

  /** Takes over many lines at once, into an empty one; `lines` must come in the order of their deadlines. */
  load(lines: LineColumns): void {
    const { length, sku, at, units } = lines;
    this.#sum = sumOf(lines);
    // A stable sort by SKU, whose numbers are small: how many each has says where its lines go.
    const places = new Uint32Array(sku.reduce((most, id) => Math.max(most, id), 0) + 2);
    for (let line = 0; line < length; line += 1) {
      const after = (sku[line] as number) + 1;
      places[after] = (places[after] as number) + 1;
    }
    for (let id = 1; id < places.length; id += 1) {
      places[id] = (places[id] as number) + (places[id - 1] as number);
    }
    const order = new Uint32Array(length);
    for (let line = 0; line < length; line += 1) {
      const id = sku[line] as number;
      const place = places[id] as number;
      order[place] = line;
      places[id] = place + 1;
    }
    for (const line of order) {
      this.#append(sku[line] as number, at[line] as number, units[line] as number);
    }
  }

  /** Adds a line that belongs after all others. */
  #append(sku: number, at: number, units: number): void {
    let block = this.#blocks.at(-1) as Block;
    let row = block.length - 1;
    if (row < 0 || block.sku[row] !== sku || block.at[row] !== at) {
      if (block.length === ROWS) {
        block = new Block();
        this.#blocks.push(block);
      }
      row = block.length;
      block.insert(row, sku, at);
    }
    block.units[row] = (block.units[row] as number) + units;
    block.lines[row] = (block.lines[row] as number) + 1;
  }

  add(sku: number, at: number, units: number): void {
    this.#sum = (this.#sum + mixed(sku, at, units)) | 0;
    const [block, row] = this.#place(sku, at);
    block.units[row] = (block.units[row] as number) + units;
    block.lines[row] = (block.lines[row] as number) + 1;
  }

  /** The row of this key; a new one if there is none. */
  #place(sku: number, at: number): [Block, number] {
    const index = this.#find(sku, at);
    const block = this.#blocks[index] as Block;
    const row = block.search(sku, at);
    if (row < block.length && block.sku[row] === sku && block.at[row] === at) return [block, row];
    if (block.length < ROWS) return [block.insert(row, sku, at), row];
    // Deadlines mostly rise: where the new row goes is where the next ones will.
    const cut = Math.max(row, ROWS / 2);
    const right = new Block();
    block.moveTo(right, cut);
    this.#blocks.splice(index + 1, 0, right);
    const place = cut === ROWS ? 0 : row;
    return [(cut === ROWS ? right : block).insert(place, sku, at), place];
  }

  /** Takes a line away that was added before. */
  remove(sku: number, at: number, units: number): void {
    const index = this.#find(sku, at);
    const block = this.#blocks[index] as Block;
    const row = block.search(sku, at);
    if (row === block.length || block.sku[row] !== sku || block.at[row] !== at) {
      throw new Error(`SKU number ${sku} has no active line that lapses at ${at}`);
    }
    this.#sum = (this.#sum - mixed(sku, at, units)) | 0;
    block.units[row] = (block.units[row] as number) - units;
    block.lines[row] = (block.lines[row] as number) - 1;
    if (block.lines[row] > 0) return;
    block.shift(row + 1, -1);
    this.#merge(index);
  }

  /** The SKU's earliest deadline after `time`. */
  nextAfter(sku: number, time: number): number | null {
    for (const [block, row] of this.#rowsFrom(sku, time + 1)) return block.at[row] as number;
    return null;
  }

  /** Units of the SKU with a deadline at or before `time`. */
  unitsUpTo(sku: number, time: number): number {
    let units = 0;
    for (const [block, row] of this.#rowsFrom(sku, -Infinity)) {
      if ((block.at[row] as number) > time) break;
      units += block.units[row] as number;
    }
    return units;
  }

  *#rowsFrom(sku: number, at: number): Generator<[Block, number]> {
    for (let index = this.#find(sku, at); index < this.#blocks.length; index += 1) {
      const block = this.#blocks[index] as Block;
      for (let row = block.search(sku, at); row < block.length; row += 1) {
        if (block.sku[row] !== sku) return;
        yield [block, row];
      }
    }
  }

  /** The block that has the key, or should have it: the last that does not begin after it. */
  #find(sku: number, at: number): number {
    let low = 0;
    let high = this.#blocks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      const block = this.#blocks[middle] as Block;
      const first = block.sku[0] as number;
      const begins = first < sku || (first === sku && (block.at[0] as number) <= at);
      if (begins) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** Joins a block that has become small with the one before it. */
  #merge(index: number): void {
    const block = this.#blocks[index] as Block;
    const left = this.#blocks[index - 1];
    if (block.length > ROWS / 4 || left === undefined) {
      if (block.length > 0 || this.#blocks.length === 1) return;
      this.#blocks.splice(index, 1);
      return;
    }
    if (left.length + block.length > ROWS / 2 && block.length > 0) return;
    block.moveTo(left, 0);
    this.#blocks.splice(index, 1);
  }
}
