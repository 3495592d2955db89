import { lstat, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode } from '../../domain/errno.ts';
import { err, ok, type Result } from '../../domain/result.ts';
import type { SandboxSpec } from '../engine.ts';
import { copyTree } from './copy.ts';
import type { Tools } from './tools.ts';

/** How a program finds names on this machine's network. */
const RESOLVER_FILES = ['resolv.conf', 'hosts', 'nsswitch.conf'];

export interface EtcInput {
  readonly spec: SandboxSpec;
  readonly tools: Tools;
  readonly uid: number;
  readonly gid: number;
  readonly signal: AbortSignal;
}

/** Makes `/etc` of a sandbox: a copy of the root tree's, with the user's account and the network's files. */
export async function makeEtc(folder: string, input: EtcInput): Promise<Result<void>> {
  const { spec, uid, gid } = input;
  const source = join(spec.rootfs, 'etc');
  if (await isFolder(source)) {
    const copied = await copyTree(source, folder, input);
    if (!copied.ok) return err(copied.error);
  } else {
    await mkdir(folder);
  }
  await addEntry(join(folder, 'passwd'), uid, `user:x:${uid}:${gid}::/tmp:/bin/sh`);
  await addEntry(join(folder, 'group'), gid, `user:x:${gid}:`);
  if (spec.network === 'host') for (const name of RESOLVER_FILES) await takeFromHost(folder, name);
  await nameHosts(join(folder, 'hosts'), spec.hostname);
  return ok(undefined);
}

/** Adds a line of passwd(5) or group(5) where none has that id. */
async function addEntry(file: string, id: number, line: string): Promise<void> {
  const text = (await readOrAbsent(file)) ?? '';
  if (text.split('\n').some((entry) => entry.split(':')[2] === String(id))) return;
  await replace(file, `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}${line}\n`);
}

async function takeFromHost(folder: string, name: string): Promise<void> {
  const text = await readOrAbsent(join('/etc', name));
  if (text !== undefined) await replace(join(folder, name), text);
}

/** `localhost` and the sandbox's own name always have an address. */
async function nameHosts(file: string, hostname: string | undefined): Promise<void> {
  const text = (await readOrAbsent(file)) ?? '127.0.0.1 localhost\n::1 localhost\n';
  const line = hostname === undefined ? '' : `127.0.1.1 ${hostname}\n`;
  await replace(file, `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}${line}`);
}

/** A link of that name (as systemd makes of resolv.conf) would lead elsewhere: the file takes its place. */
async function replace(file: string, text: string): Promise<void> {
  await rm(file, { recursive: true, force: true });
  await writeFile(file, text);
}

async function readOrAbsent(file: string): Promise<string | undefined> {
  try {
    return (await stat(file)).isFile() ? await readFile(file, 'utf8') : undefined;
  } catch (cause) {
    if (['ENOENT', 'ENOTDIR', 'EACCES', 'ELOOP'].includes(errorCode(cause) ?? '')) return undefined;
    throw cause;
  }
}

async function isFolder(path: string): Promise<boolean> {
  return lstat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
}
