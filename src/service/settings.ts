/** Where the settings come from: the environment, a file beside it, the command line. */
import type { Overrides, SettingsView } from '../cli/cli-parts.ts';
import { CliFailure, EXIT } from '../cli/exit-codes.ts';
import { ConfigError, readConfig, type ConfigReading, type Source } from '../config.ts';
import { localUrl } from './address.ts';

export type Sources = ReadonlyMap<string, Source>;

/** Names that `.env` added to the environment; what the environment itself says wins. */
export function loadDotEnv(): Sources {
  const before = new Set(Object.keys(process.env));
  try {
    process.loadEnvFile('.env');
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    if (!missing) throw new CliFailure(`.env cannot be read: ${String(error)}`, EXIT.config);
  }
  const added = Object.keys(process.env).filter((name) => !before.has(name));
  return new Map(added.map((name) => [name, '.env']));
}

export function readSettings(fromFile: Sources, overrides: Overrides = {}): ConfigReading {
  const given = Object.keys(overrides).map((name): [string, Source] => [name, 'command line']);
  try {
    return readConfig({ ...process.env, ...overrides }, new Map([...fromFile, ...given]));
  } catch (error) {
    if (error instanceof ConfigError) throw new CliFailure(error.message, EXIT.config);
    throw error;
  }
}

export function viewSettings({ config, settings, warnings }: ConfigReading): SettingsView {
  const { dataDir, clientKey, host, port } = config;
  return { lines: settings, warnings, dataDir, clientKey, serviceUrl: localUrl(host, port) };
}
