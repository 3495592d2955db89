import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runProcess } from '../../exec/process.ts';
import { TOOL_ENV } from '../tool-env.ts';

export interface Credentials {
  readonly user: string;
  readonly secret: string;
}

interface Configuration {
  readonly auths?: Readonly<Record<string, { readonly auth?: string }>>;
  readonly credHelpers?: Readonly<Record<string, string>>;
  readonly credsStore?: string;
}

/** The login that `docker login` kept for a registry: in its `config.json`, or with a credential helper (docker-login(1)). */
export async function credentialsFor(
  host: string,
  folder: string,
  signal: AbortSignal,
): Promise<Credentials | undefined> {
  const configuration = await readConfiguration(join(folder, 'config.json'));
  const helper = configuration.credHelpers?.[host] ?? configuration.credsStore;
  if (helper !== undefined) return fromHelper(helper, host, signal);
  const kept = configuration.auths?.[host]?.auth ?? configuration.auths?.[`https://${host}`]?.auth;
  const [, user, secret] =
    /^([^:]*):([\s\S]*)$/.exec(Buffer.from(kept ?? '', 'base64').toString('utf8')) ?? [];
  return user === undefined || secret === undefined ? undefined : { user, secret };
}

async function readConfiguration(file: string): Promise<Configuration> {
  try {
    return (JSON.parse(await readFile(file, 'utf8')) ?? {}) as Configuration;
  } catch {
    // Nobody has logged in; a registry that asks for a login says so.
    return {};
  }
}

async function fromHelper(
  helper: string,
  host: string,
  signal: AbortSignal,
): Promise<Credentials | undefined> {
  if (!/^[\w.-]+$/.test(helper)) return undefined;
  const run = await runProcess({
    argv: [`docker-credential-${helper}`, 'get'],
    env: TOOL_ENV,
    stdin: host,
    timeoutMs: 20_000,
    signal,
  });
  if (!run.ok || run.value.status !== 0) return undefined;
  const { Username, Secret } = JSON.parse(Buffer.from(run.value.stdout).toString('utf8')) as {
    Username?: string;
    Secret?: string;
  };
  return Username === undefined || Secret === undefined ? undefined : { user: Username, secret: Secret };
}
