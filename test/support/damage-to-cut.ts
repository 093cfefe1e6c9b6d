/** Damage to what stands in place of entries that were cut off. */
import type { Books } from './books.ts';
import { falsify, type Damage } from './damage.ts';

const allOpenings = ({ openings }: Books): Books['openings'] => openings;
const allStories = ({ stories }: Books): Books['stories'] => stories;
const keptStories = ({ stories, reservations }: Books): Books['stories'] => {
  const ids = new Set(reservations.map(({ id }) => id));
  return stories.filter(({ reservationId }) => ids.has(reservationId));
};
const holding = (field: 'reserved' | 'allocated') => (books: Books) =>
  allStories(books).filter(({ lines }) => lines.some((line) => line[field] > 0));
/** With entries behind the cut, so that the first of them is not the last. */
const isCut = (books: Books): Books[] =>
  books.cut.seq > 0 && books.entries.length > 1 ? [books] : [];

export const DAMAGE_TO_CUT: readonly Damage[] = [
  ...(['onHand', 'reserved', 'allocated', 'safetyStock'] as const).map((field) =>
    falsify(`another ${field} in an opening`, 'level_differs', allOpenings, (opening) => {
      opening[field] += 1;
    }),
  ),
  ...(['maxPerOrder', 'ttlSeconds', 'closesAt'] as const).map((field) =>
    falsify(
      `another ${field} in an opening that no entry has set since`,
      'level_differs',
      ({ openings, entries }) =>
        openings.filter(
          ({ sku }) => !entries.some((each) => each.sku === sku && each.kind === 'policy'),
        ),
      (opening) => {
        opening.policy = { ...opening.policy, [field]: (opening.policy[field] ?? 0) + 1 };
      },
    ),
  ),
  falsify('an opening of more entries', 'ledger_gap', allOpenings, (opening) => {
    opening.entries += 1;
  }),
  falsify(
    'an opening that reaches beyond the cut',
    'ledger_order',
    allOpenings,
    (opening, { cut }) => {
      opening.lastSeq = cut.seq + 1;
    },
  ),
  falsify('a missing opening', 'ledger_gap', allOpenings, (opening, { openings }) => {
    openings.splice(openings.indexOf(opening), 1);
  }),
  falsify('a cut further on', 'ledger_gap', isCut, (books) => {
    books.cut = { ...books.cut, seq: books.cut.seq + 1 };
  }),
  falsify('a cut that is told of nowhere', 'ledger_gap', isCut, (books) => {
    books.cut = { ...books.cut, seq: 0 };
  }),
  falsify('an entry that is missing behind the cut', 'ledger_gap', isCut, ({ entries }) => {
    entries.shift();
  }),
  falsify('a cut later than the entries behind it', 'ledger_order', isCut, (books) => {
    books.cut = { ...books.cut, at: (books.entries.at(-1)?.at ?? 0) + 1 };
  }),
  falsify('a missing story', 'reservation_stray', keptWithoutEntries, (story, { stories }) => {
    stories.splice(stories.indexOf(story), 1);
  }),
  ...(['reserved', 'allocated'] as const).map((field) =>
    falsify(`${field} units without a story`, 'level_differs', holding(field), (story, books) => {
      books.stories.splice(books.stories.indexOf(story), 1);
    }),
  ),
  ...(['quantity', 'confirmed', 'cancelled'] as const).map((field) =>
    falsify(`another ${field} in a story`, 'reservation_differs', keptStories, ({ lines }) => {
      for (const line of lines) line[field] += 1;
    }),
  ),
  falsify('another order in a story', 'reservation_differs', keptWithoutEntries, ({ lines }) => {
    for (const line of lines) line.orderId = 'somebody else’s';
  }),
  falsify('a story of other kinds', 'reservation_differs', keptWithoutEntries, ({ lines }) => {
    for (const line of lines) line.kinds ^= 2 | 4 | 8 | 16;
  }),
];

/** Of reservations of which all that is told stands in the story. */
function keptWithoutEntries(books: Books): Books['stories'] {
  const told = new Set(books.entries.map(({ reservationId }) => reservationId));
  return keptStories(books).filter(({ reservationId }) => !told.has(reservationId));
}
