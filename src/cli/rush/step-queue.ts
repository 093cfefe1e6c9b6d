/** First in, first out, without moving what waits: an array whose front is forgotten in large pieces. */
export class StepQueue<T> {
  private items: (T | undefined)[] = [];
  private front = 0;

  get size(): number {
    return this.items.length - this.front;
  }

  push(item: T): void {
    this.items.push(item);
  }

  shift(): T | null {
    if (this.front === this.items.length) return null;
    const item = this.items[this.front];
    this.items[this.front++] = undefined;
    if (this.front > 1024 && this.front * 2 > this.items.length) {
      this.items = this.items.slice(this.front);
      this.front = 0;
    }
    return item ?? null;
  }

  clear(): void {
    this.items = [];
    this.front = 0;
  }
}
