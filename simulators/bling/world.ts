/** Everything that one simulated Bling is made of. */
import type { Account } from './account/account.ts';
import type { CallLog } from './call-log.ts';
import type { SimulatedClock } from './clock.ts';
import type { Faults } from './faults.ts';
import type { Limits } from './limits.ts';
import type { OAuth } from './oauth.ts';
import type { Random } from './random.ts';
import type { Switches } from './switches.ts';
import type { Webhooks } from './webhooks.ts';

export interface World {
  readonly clock: SimulatedClock;
  readonly random: Random;
  readonly switches: Switches;
  readonly account: Account;
  readonly oauth: OAuth;
  readonly limits: Limits;
  readonly faults: Faults;
  readonly webhooks: Webhooks;
  readonly log: CallLog;
}
