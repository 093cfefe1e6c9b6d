/** Could this be the id of a reservation? What could not is not found, without asking the store. */
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export function isReservationId(text: string): boolean {
  return UUID.test(text);
}
