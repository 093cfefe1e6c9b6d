/** Every problem that a caller can meet: the one list behind the answers, `docs/errors.md` and `/docs/errors`. */
import type { CatalogueEntry } from './entry.ts';
import { FAULTS } from './faults.ts';
import { REJECTIONS } from './rejections.ts';
import { REQUESTS } from './requests.ts';
import { WEBHOOKS } from './webhooks.ts';

export type { CatalogueEntry } from './entry.ts';

const ALL = { ...REQUESTS, ...WEBHOOKS, ...REJECTIONS, ...FAULTS };

export type ProblemCode = keyof typeof ALL;

export const CATALOGUE: Readonly<Record<ProblemCode, CatalogueEntry>> = ALL;

export const PROBLEM_CODES = Object.keys(ALL) as ProblemCode[];
