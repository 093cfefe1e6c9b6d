/** What to do about a server that cannot be used, where its own words do not say. */
const ADVICE: readonly (readonly [told: RegExp, advice: string])[] = [
  [/NOAUTH/, 'it asks for a password: HOLDFAST_STORE=redis://user:password@host:port'],
  [/WRONGPASS/, 'the user or the password in HOLDFAST_STORE is wrong'],
  [/NOPERM/, 'the user needs more rights: docs/redis.md, "What is checked at the start"'],
  [/ECONNREFUSED/, 'nothing listens there: start Redis, or correct HOLDFAST_STORE'],
  [/ENOTFOUND|EAI_AGAIN/, 'no host of that name is known: correct HOLDFAST_STORE'],
  [/cluster support disabled/, 'write redis:// instead of redis+cluster://'],
  [
    /no answer in time/,
    'is the address in HOLDFAST_STORE right, and is it TLS (rediss://) on both sides or on none?',
  ],
  [/certificate/, 'name the authority that signed it: HOLDFAST_REDIS_TLS_CA_FILE'],
];

/** The trouble and what to do about it, for people. */
export function withAdvice(trouble: string): string {
  const found = ADVICE.find(([told]) => told.test(trouble));
  return found === undefined ? trouble : `${trouble.replace(/\.$/, '')}; ${found[1]}`;
}
