/** What only one of several instances does: under which name and for how long this one asks for it, and what is said of it. */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { Config } from '../config.ts';
import type { LeaseOptions } from '../engine/erp-service.ts';
import type { LeaseName, Leases } from '../engine/lease.ts';
import { LeaseKeeper, type LeaseStatus, type Tenure } from '../engine/lease-keeper.ts';
import type { Log } from './log.ts';
import { sleepUntil } from './sleep.ts';

/** Each instance has one, for all its leases. */
export function leaseOptions(config: Config, log: Log): LeaseOptions {
  return {
    // Two containers may have the same host name and process id.
    holder: `${hostname()}/${process.pid}/${randomBytes(3).toString('hex')}`,
    lengthMs: config.redis.leaseMs,
    monotonic: () => performance.now(),
    onChange: (status) => {
      // With one instance there is nothing to tell.
      if (config.store === 'redis') tell(status, log);
    },
  };
}

function tell({ lease, holder, token, ours }: LeaseStatus, { logger }: Log): void {
  const event = {
    'event.action': 'lease',
    'holdfast.lease.name': lease,
    'holdfast.lease.holder': holder,
    'holdfast.lease.token': token,
  };
  const who = ours ? 'this instance does' : `${holder ?? 'nobody'} does`;
  logger.info(event, `${who} what is done by one instance only (${lease})`);
}

/** Begins to ask for the lease; the work goes on while this instance has it. */
export function keepLease(
  leases: Leases,
  lease: LeaseName,
  options: LeaseOptions,
  work: (tenure: Tenure) => () => Promise<void>,
): LeaseKeeper {
  const keeper = new LeaseKeeper({ ...options, leases, lease, work, sleep: sleepUntil });
  keeper.start();
  return keeper;
}
