/**
 * What a server's error says about the command: carried out elsewhere, later, or not at all. A script is refused
 * before its first line (it has a shebang and declares its keys), so a refusal means that nothing was done.
 */
import type { HostPort } from './redis-address.ts';

export type RefusalKind =
  /** Another node owns the slot, for good or for this once. */
  | 'moved'
  | 'ask'
  /** The server does not know the script. */
  | 'no_script'
  /** It is not the primary, or not yet, or the cluster is not whole: another try may find better. */
  | 'later'
  /** It will go on refusing until somebody acts: memory, rights, disk, replicas. */
  | 'refused';

/** The server answered, and did nothing. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly kind: RefusalKind;
  /** Where to ask instead; only of `moved` and `ask`. An empty host means the one that said so. */
  readonly target: HostPort | null;

  constructor(kind: RefusalKind, message: string, target: HostPort | null = null) {
    super(message);
    this.kind = kind;
    this.target = target;
  }
}

const KINDS: Readonly<Record<string, RefusalKind>> = {
  NOSCRIPT: 'no_script',
  READONLY: 'later',
  LOADING: 'later',
  TRYAGAIN: 'later',
  CLUSTERDOWN: 'later',
  MASTERDOWN: 'later',
  BUSY: 'later',
  OOM: 'refused',
  // Said by our own scripts, before they write: books that they do not know, or that are being moved in.
  BOOKS: 'refused',
  MISCONF: 'refused',
  NOREPLICAS: 'refused',
  NOAUTH: 'refused',
  WRONGPASS: 'refused',
  NOPERM: 'refused',
};

/** Redis adds where in a script an error arose: by then something may have been written. */
const INSIDE_A_SCRIPT = / script: [\da-f]{40}, on @/;

/** Null if the error does not say that nothing was done: the command or its script is wrong, which is a bug. */
export function refusalOf(message: string): Refusal | null {
  if (INSIDE_A_SCRIPT.test(message)) return null;
  const word = /^[A-Z]+/.exec(message)?.[0] ?? '';
  if (word === 'MOVED' || word === 'ASK') {
    const [, host = '', port] = /^[A-Z]+ \d+ (.*):(\d+)$/.exec(message) ?? [];
    if (port === undefined) return null;
    const target = { host, port: Number(port) };
    return new Refusal(word === 'MOVED' ? 'moved' : 'ask', message, target);
  }
  const kind = KINDS[word];
  return kind === undefined ? null : new Refusal(kind, message);
}
