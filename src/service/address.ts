/** Where the service is reached from its own machine. `host`: as listened on, a name or an address. */
export function localUrl(host: string, port: number): string {
  const name = host.includes(':') ? `[${host.replace(/[[\]]/g, '')}]` : host;
  return `http://${name === '0.0.0.0' || name === '[::]' ? '127.0.0.1' : name}:${port}`;
}
