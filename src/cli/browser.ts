/** Opens an address in the browser of whoever sits at this machine, where somebody does. */
import { spawn } from 'node:child_process';

interface Opener {
  readonly file: string;
  readonly args: readonly string[];
}

type Env = Readonly<Record<string, string | undefined>>;

/** An opener that has not failed by then has done it. */
const FAILS_WITHIN_MS = 2_000;
/** Takes the address as it is; `start` would be the shell's, to which an ampersand means something. */
const WINDOWS_ARGS = ['url.dll,FileProtocolHandler'];

/** Null where there is no desktop: a server, or a terminal from afar, whose own desktop is another. */
export function openerOf(platform: NodeJS.Platform, env: Env): Opener | null {
  const isSet = (name: string): boolean => (env[name] ?? '') !== '';
  if (isSet('SSH_CONNECTION') || isSet('SSH_TTY') || isSet('CI')) return null;
  if (platform === 'darwin') return { file: 'open', args: [] };
  if (platform === 'win32') return { file: 'rundll32', args: WINDOWS_ARGS };
  if (isSet('WSL_DISTRO_NAME')) return { file: 'rundll32.exe', args: WINDOWS_ARGS };
  return ['DISPLAY', 'WAYLAND_DISPLAY', 'BROWSER'].some(isSet)
    ? { file: 'xdg-open', args: [] }
    : null;
}

/** Says whether it was opened, as far as can be told. Does not keep this process alive. */
export async function openBrowser(address: string, opener: Opener): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const child = spawn(opener.file, [...opener.args, address], { detached: true, stdio: 'ignore' });
  const timer = setTimeout(() => {
    resolve(true);
  }, FAILS_WITHIN_MS);
  child.once('error', () => {
    resolve(false);
  });
  child.once('exit', (code) => {
    resolve(code === 0);
  });
  child.unref();
  const opened = await promise;
  clearTimeout(timer);
  return opened;
}
