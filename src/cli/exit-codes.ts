/** How a command ends, for scripts and supervisors; `holdfast help exit-codes` prints this. */

export const EXIT = {
  ok: 0,
  found: 1,
  cannot: 2,
  broken: 70,
  config: 78,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export const EXIT_CODE_HELP = `Exit codes
   0  done, and all is well
   1  done, and it found what it looks for: rows that are wrong, books
      that differ, a verdict that is not "passed"
   2  could not be done: wrong options, no such file, nobody answers,
      not allowed, port or data folder in use
  70  the store failed or is damaged, or Holdfast has a bug; what was
      acknowledged is safe
  78  a setting is wrong, or the service would be open to the network
      without an API key
 130  ended by a second Ctrl-C, without waiting for what was in flight
`;

/** The command ends here, with one message for people. */
export class CliFailure extends Error {
  override readonly name = 'CliFailure';
  readonly exitCode: ExitCode;

  constructor(message: string, exitCode: ExitCode = EXIT.cannot, cause?: unknown) {
    super(message, { cause });
    this.exitCode = exitCode;
  }
}
