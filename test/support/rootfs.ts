import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Programs that every machine of a supported distribution has. */
const PROGRAMS = [
  ...[
    'sh',
    'bash',
    'cat',
    'chmod',
    'cp',
    'env',
    'false',
    'find',
    'head',
    'id',
    'ln',
    'ls',
    'mkdir',
    'mount',
    'readlink',
    'rm',
    'sha256sum',
  ],
  ...['rmdir', 'sleep', 'stat', 'stty', 'touch', 'true', 'tty', 'wc', 'yes'],
];

const FOLDERS = ['/usr/bin', '/bin', '/usr/sbin', '/sbin'];

/** Fills an empty folder with a small root tree made of this machine's own programs and their libraries. */
export function makeRootfs(root: string): string {
  for (const name of ['bin', 'lib', 'lib64', 'sbin']) {
    mkdirSync(join(root, 'usr', name), { recursive: true });
    symlinkSync(`usr/${name}`, join(root, name));
  }
  for (const name of ['etc', 'home', 'mnt', 'opt', 'var/lib'])
    mkdirSync(join(root, name), { recursive: true });
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
  writeFileSync(join(root, 'opt/here'), 'in the tree\n');
  symlinkSync('/run', join(root, 'var/run'));
  const files = PROGRAMS.map((name) => [pathOf(name), join('/usr/bin', name)] as const);
  for (const [from, to] of files) copyIn(root, from, to);
  for (const library of librariesOf(files.map(([from]) => from))) copyIn(root, library, library);
  return root;
}

function pathOf(name: string): string {
  const path = FOLDERS.map((folder) => join(folder, name)).find((one) => existsSync(one));
  if (path === undefined) throw new Error(`${name} is not installed`);
  return path;
}

/** Paths as the programs ask for them: the loader and all libraries. */
function librariesOf(programs: readonly string[]): ReadonlySet<string> {
  const text = execFileSync('ldd', programs, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  return new Set([...text.matchAll(/(?:=> |^\s+)(\/\S+) \(/gm)].map((match) => match[1] as string));
}

function copyIn(root: string, from: string, to: string): void {
  const inside = /^\/(bin|lib|lib64|sbin)\//.test(to) ? join('usr', to) : to;
  mkdirSync(join(root, dirname(inside)), { recursive: true });
  copyFileSync(realpathSync(from), join(root, inside));
}
