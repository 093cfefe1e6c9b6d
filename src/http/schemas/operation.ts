/** What an operation's words are made of. */
import type { TSchema } from 'typebox';

type Tag = 'reservations' | 'stock' | 'ledger' | 'erp' | 'service';

interface Operation {
  readonly operationId: string;
  readonly tags: Tag[];
  readonly summary: string;
  readonly description: string;
  readonly response: Record<number, TSchema>;
}

export function operation(
  operationId: string,
  tag: Tag,
  response: Record<number, TSchema>,
  summary: string,
  description: string,
): Operation {
  return { operationId, tags: [tag], summary, description, response };
}
