/** What is asked of an address that has no such route: 405 with `Allow` where the address has others, else 404. */
import type { FastifyInstance } from 'fastify';
import { problem, type Problem } from './problem.ts';

interface Address {
  readonly pattern: RegExp;
  readonly methods: string[];
}

export class Addresses {
  readonly #addresses = new Map<string, Address>();

  /** Call before any route is registered. */
  watch(app: FastifyInstance): void {
    app.addHook('onRoute', ({ url, method }) => {
      // The preflight route of CORS answers any address and offers none.
      if (url === '*') return;
      const methods = typeof method === 'string' ? [method] : method;
      const known = this.#addresses.get(url);
      if (known === undefined)
        this.#addresses.set(url, { pattern: patternOf(url), methods: [...methods] });
      else known.methods.push(...methods);
    });
  }

  problemOf(method: string, url: string): Problem {
    const path = url.split('?', 1)[0] ?? '';
    const methods = [...this.#addresses.values()]
      .filter(({ pattern }) => pattern.test(path))
      .flatMap((address) => address.methods);
    const allow = [...new Set(methods)].sort().join(', ');
    if (allow === '' || methods.includes(method)) return problem('not_found');
    return problem('method_not_allowed', { method, allow }, { allow });
  }
}

function patternOf(url: string): RegExp {
  const steps = url.split('/').map((step) => {
    if (step.startsWith(':')) return '[^/]+';
    return step === '*' ? '.*' : step.replaceAll(/[.+?^${}()|[\]\\*]/g, String.raw`\$&`);
  });
  return new RegExp(`^${steps.join('/')}$`);
}
