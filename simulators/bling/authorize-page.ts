/** The page on which a user of Bling lets an app in, or not. */
import { page, type Answer } from './answers.ts';
import type { World } from './world.ts';

/** GET /oauth/authorize. `decision` is what the page's own two links add. */
export function authorizePage({ oauth, switches }: World, raw: string): Answer {
  const query = new URLSearchParams(raw);
  if (query.get('client_id') !== oauth.client.id) return page(400, 'client_id inválido');
  if (query.get('response_type') !== 'code') return page(400, 'response_type inválido');
  const decision = query.get('decision') ?? (switches.autoApprove ? 'approve' : null);
  if (decision === null) return question(query);
  const answer = new URLSearchParams(
    decision === 'approve'
      ? { code: oauth.approve() }
      : {
          error: 'access_denied',
          error_description: 'The user denied access to your application',
        },
  );
  const state = query.get('state');
  if (state !== null) answer.set('state', state);
  if (switches.redirectUri === '') return page(200, [...answer.values()].join(' '));
  const target = new URL(switches.redirectUri);
  for (const [name, value] of answer) target.searchParams.set(name, value);
  return { status: 302, headers: { location: target.href } };
}

function question(query: URLSearchParams): Answer {
  const link = (decision: string, words: string): string => {
    const target = new URLSearchParams(query);
    target.set('decision', decision);
    return `<p><a href="?${target.toString().replaceAll('&', '&amp;')}">${words}</a></p>`;
  };
  return {
    status: 200,
    headers: { 'content-type': 'text/html; charset=utf-8' },
    body: `<!DOCTYPE html><html lang="pt-BR"><head><title>Autorizar</title></head><body>
<h1>Este aplicativo pede acesso à sua conta (simulada)</h1>
${link('approve', 'Autorizar')}${link('refuse', 'Recusar')}</body></html>\n`,
  };
}
