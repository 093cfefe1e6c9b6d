/** POST /oauth/token and /oauth/revoke. */
import type { Route } from '../call.ts';

export const TOKEN_ROUTES: readonly Route[] = [
  {
    method: 'POST',
    path: '/oauth/token',
    access: 'token',
    handle: ({ oauth }, call) => ({
      status: 200,
      body: oauth.token(call.authorization, call.form(), call.jwt),
    }),
  },
  {
    method: 'POST',
    path: '/oauth/revoke',
    access: 'token',
    handle: ({ oauth }, call) => {
      oauth.revoke(call.authorization, call.form());
      return { status: 200, body: {} };
    },
  },
];
