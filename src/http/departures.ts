/**
 * Answers of one turn of the event loop leave together, at its end. A socket write costs more than the rest of an
 * answer, most of it for waking the reader: one that is awake already, because other answers have just come, costs
 * half. Nobody waits for it: the turn ends as soon as what has arrived is read.
 */
import type { ServerResponse } from 'node:http';

export class Departures {
  #waiting: [ServerResponse, string, BufferEncoding][] = [];

  /** `response` has its head; `body` ends it. */
  add(response: ServerResponse, body: string, encoding: BufferEncoding): void {
    if (this.#waiting.length === 0) setImmediate(() => this.#leave());
    this.#waiting.push([response, body, encoding]);
  }

  #leave(): void {
    const leaving = this.#waiting;
    this.#waiting = [];
    for (const [response, body, encoding] of leaving) response.end(body, encoding);
  }
}
