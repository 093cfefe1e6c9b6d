/** release and expire: an active reservation gives its units back, asked to or by time. */
import { rejected, type ReleaseCommand, type ReservationAnswer } from '../command.ts';
import type { Reservation } from '../reservation.ts';
import { giveBack, refuse, unchanged, type Decision } from './decision.ts';

/** `reservation` must not be active and lapsed: its expiry is recorded before this is asked. */
export function decideRelease(
  reservation: Reservation | undefined,
  command: ReleaseCommand,
  now: number,
): Decision<ReservationAnswer> {
  const { reservationId } = command;
  if (reservation === undefined) {
    return refuse(rejected('release', { code: 'reservation_not_found', reservationId }));
  }
  switch (reservation.status) {
    case 'active':
      return release(reservation, now);
    case 'released':
      return unchanged({ ok: true, type: 'release', reservation, changed: false });
    case 'expired':
      return refuse(
        rejected('release', {
          code: 'reservation_expired',
          reservationId,
          expiredAt: reservation.expiresAt,
          refundRequired: reservation.refundRequired,
        }),
      );
    case 'cancelled':
      return refuse(rejected('release', { code: 'reservation_cancelled', reservationId }));
    case 'confirmed':
    case 'acknowledged':
      return refuse(rejected('release', { code: 'already_confirmed', reservationId }));
  }
}

export function release(reservation: Reservation, now: number): Decision<ReservationAnswer> {
  const released: Reservation = { ...reservation, status: 'released', endedAt: now };
  return {
    answer: { ok: true, type: 'release', reservation: released, changed: true },
    entries: giveBack('release', reservation),
    reservation: released,
  };
}

/** Records at `now` a lapse that `expiresAt` has already decided. */
export function expire(
  reservation: Reservation,
  now: number,
): {
  readonly entries: ReturnType<typeof giveBack>;
  readonly reservation: Reservation;
} {
  return {
    entries: giveBack('expire', reservation),
    reservation: { ...reservation, status: 'expired', endedAt: now },
  };
}
