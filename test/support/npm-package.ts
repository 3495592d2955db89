import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { plainEnvironment, REPOSITORY } from './cli.ts';

/** What a checkout has and packing does not need. */
const NOT_NEEDED = new Set(['.git', '.provision', 'artifacts', 'dist', 'node_modules', 'test']);

/** Path of the tarball that `npm pack` makes of a copy of the repository: packing compiles, which writes. */
export function npmPack(folder: string): string {
  const checkout = join(folder, 'checkout');
  for (const name of readdirSync(REPOSITORY)) {
    if (NOT_NEEDED.has(name)) continue;
    const filter = (path: string): boolean => !/\/(target|artifacts|node_modules)$/.test(path);
    cpSync(join(REPOSITORY, name), join(checkout, name), { recursive: true, filter });
  }
  symlinkSync(join(REPOSITORY, 'node_modules'), join(checkout, 'node_modules'));
  const output = execFileSync('npm', ['pack', '--json', '--pack-destination', folder], {
    cwd: checkout,
    env: { ...plainEnvironment(), ...npmEnvironment() },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz'));
  if (tarball === undefined) throw new Error(`npm pack made no package: ${output}`);
  return join(folder, tarball);
}

/** What of the environment is npm's: where it fetches from, and whom it trusts. */
export function npmEnvironment(): Record<string, string> {
  const kept = /^(npm_config_.*|NODE_EXTRA_CA_CERTS)$/i;
  const set = Object.entries(process.env).filter(([name]) => kept.test(name)) as [string, string][];
  // Of an npm that runs these tests: its own folders and options are not ours.
  const own =
    /^npm_config_(prefix|local_prefix|global_prefix|cache|userconfig|globalconfig|init_module|node_gyp|noproxy|user_agent)$/i;
  return Object.fromEntries(set.filter(([name]) => !own.test(name)));
}

/** The user's npm configuration file, where there is one: registry, proxy, certificates. */
export function npmUserConfiguration(): string | undefined {
  const file = execFileSync('npm', ['config', 'get', 'userconfig'], {
    env: plainEnvironment(),
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  }).trim();
  return existsSync(file) ? file : undefined;
}
