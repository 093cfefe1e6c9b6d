/** Variables with our prefix that are no settings: misspelt, most likely, and better told than passed over. */
const PREFIX = 'HOLDFAST_';
/** Settings of the connectors to come: known by name, and without effect in this version. */
const CONNECTORS = ['SHOPIFY_'];

/** One line for each of ours that is not among the `known`, with the one that it looks like. */
export function strangers(
  environment: Readonly<Record<string, string | undefined>>,
  known: readonly string[],
): string[] {
  return Object.keys(environment)
    .filter((name) => name.toUpperCase().startsWith(PREFIX) && !known.includes(name))
    .sort()
    .map((name) => {
      if (CONNECTORS.some((each) => name.startsWith(PREFIX + each))) {
        return `${name} has no effect: that connector is not in this version`;
      }
      const nearest = nearestName(name.toUpperCase(), known);
      const hint = nearest === null ? '' : `; did you mean ${nearest}?`;
      return `${name} is not a setting of Holdfast and has no effect${hint}`;
    });
}

function nearestName(name: string, known: readonly string[]): string | null {
  const begun = known.find((each) => name.length > PREFIX.length && each.startsWith(`${name}_`));
  if (begun !== undefined) return begun;
  let nearest: string | null = null;
  // Further apart than this, a suggestion would only puzzle.
  let least = Math.max(3, Math.ceil((name.length - PREFIX.length) / 3));
  for (const each of known) {
    const distance = editDistance(name, each);
    if (distance < least) {
      nearest = each;
      least = distance;
    }
  }
  return nearest;
}

/** Letters to insert, drop or replace to make one text of the other (Levenshtein). */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(replaced, (previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    previous = row;
  }
  return previous[b.length] ?? 0;
}
