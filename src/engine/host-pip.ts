import type { PipSettings, Settings } from '../domain/context.ts';
import { exists } from '../exec/files.ts';
import type { Mount } from './engine.ts';

/** What the machine's own set-up gives the step that fetches a wheel. */
export interface HostPip {
  readonly env: Readonly<Record<string, string>>;
  readonly mounts: readonly Mount[];
}

const CA_BUNDLE = '/job/ca.pem';
/** Where the sandbox's pip looks for its levels of configuration: XDG_CONFIG_DIRS, XDG_CONFIG_HOME, a file by name. */
const GLOBAL = '/job/pip/global';
const USER = '/job/pip/user';
const NAMED = '/job/pip/named.conf';
const HOME = '/job/pip/home';

/**
 * Takes configuration, proxies, logins and CA bundle of the machine along (pip's documentation, "Configuration"): the
 * index that a wheel comes from is the one that this machine is set to use.
 */
export async function hostPip(settings: Settings): Promise<HostPip> {
  const pip: PipSettings = settings.pip ?? {
    variables: {},
    files: { global: [], user: [], named: [], netrc: [] },
  };
  const sources: readonly (readonly [string | undefined, string])[] = [
    [await firstFile(pip.files.global), `${GLOBAL}/pip/pip.conf`],
    [await firstFile(pip.files.user), `${USER}/pip/pip.conf`],
    [await firstFile(pip.files.named), NAMED],
    [await firstFile(pip.files.netrc), `${HOME}/.netrc`],
    [settings.caBundle, CA_BUNDLE],
  ];
  const present = sources.flatMap(([source, at]) => (source === undefined ? [] : [[source, at] as const]));
  const has = (path: string): boolean => present.some(([, at]) => at === path);
  const folders = await localFolders(pip.variables);
  return {
    env: {
      ...settings.proxies,
      ...pip.variables,
      PIP_DISABLE_PIP_VERSION_CHECK: '1',
      PIP_NO_INPUT: '1',
      PIP_NO_CACHE_DIR: '1',
      XDG_CONFIG_DIRS: GLOBAL,
      XDG_CONFIG_HOME: USER,
      HOME,
      ...(has(NAMED) ? { PIP_CONFIG_FILE: NAMED } : {}),
      ...(has(CA_BUNDLE) ? { PIP_CERT: CA_BUNDLE, SSL_CERT_FILE: CA_BUNDLE } : {}),
    },
    mounts: [...present.map(([source, at]): Mount => ({ kind: 'source', source, at })), ...folders],
  };
}

/** Folders of wheels that `PIP_FIND_LINKS` names: the sandbox sees them at their own paths. */
async function localFolders(variables: PipSettings['variables']): Promise<readonly Mount[]> {
  const named = (variables.PIP_FIND_LINKS ?? '').split(/\s+/).filter((word) => word.startsWith('/'));
  const found = await Promise.all(named.map((path) => exists(path)));
  return named.flatMap((path, i) => (found[i] ? [{ kind: 'source', source: path, at: path }] : []));
}

async function firstFile(files: readonly string[]): Promise<string | undefined> {
  for (const file of files) if (await exists(file)) return file;
  return undefined;
}
