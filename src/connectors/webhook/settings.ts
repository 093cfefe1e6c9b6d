/** What the connector has to be told about the service at the other end. */
export interface WebhookSettings {
  /** Without a slash at the end. */
  readonly url: string;
  /** `whsec_…`, one or two while they change: the first signs, both are accepted. */
  readonly secrets: readonly string[];
  /** May the address be in a private network, or this machine? */
  readonly allowPrivate: boolean;
  readonly callsPerSecond: number;
  readonly timeoutMs: number;
}
