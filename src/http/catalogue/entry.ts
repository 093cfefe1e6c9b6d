/** One kind of problem as callers meet it. */
import type { Texts } from '../languages.ts';

export interface CatalogueEntry {
  readonly status: number;
  /** The same words at every occurrence. */
  readonly title: Texts;
  /** What happened this time: `{name}` stands for the problem's member of that name. */
  readonly detail: Texts;
  /** What the caller can do about it. For the documentation. */
  readonly advice: Texts;
  /** Other words for `detail` in a special case, by the case's name. */
  readonly variants?: Readonly<Record<string, Texts>>;
  /** The members beside those that every problem has. For the documentation. */
  readonly members?: readonly string[];
}
