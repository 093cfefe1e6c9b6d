/** What a command is given to add itself to the program with. */
import type { Command } from 'commander';
import type { CliParts } from './cli-parts.ts';
import type { ExitCode } from './exit-codes.ts';

export interface Registry {
  readonly program: Command;
  readonly parts: CliParts;
  /** Makes a commander action of a function that says how it ended. */
  readonly action: <A extends unknown[]>(
    run: (...args: A) => Promise<ExitCode>,
  ) => (...args: A) => Promise<void>;
}
