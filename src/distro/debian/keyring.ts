import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../../domain/context.ts';
import type { LockedPackage } from '../../domain/packages.ts';
import { err, ok, type Result } from '../../domain/result.ts';
import { exists } from '../../exec/files.ts';
import { runProcess } from '../../exec/process.ts';
import type { Failure } from '../../failure.ts';
import { APT_HELPER, KEYRING_FILES, KEYRING_PACKAGE } from './settings.ts';

export interface KeyringSearch {
  /** Where the machine may have it. */
  readonly files?: readonly string[];
  readonly mirrors: readonly string[];
  readonly proxies: Readonly<Record<string, string>>;
  readonly path: string;
  /** An empty folder to work in. */
  readonly folder: string;
}

/**
 * The keys that Debian's archive is signed with: the machine's own, else those of the keyring package that a lock in
 * the tool's own `docker/` names by its digest. Failure: `lock/no-keyring`.
 */
export async function findKeyring(context: Context, search: KeyringSearch): Promise<Result<string>> {
  for (const file of search.files ?? KEYRING_FILES) {
    if (await exists(file)) return ok(file);
  }
  const locked = await lockedKeyring(context.settings.home);
  if (locked === undefined) return err(noKeyring([`no lock below docker/ names ${KEYRING_PACKAGE}`]));
  const archive = join(search.folder, 'keyring.deb');
  const fetched = await fetchByDigest(context, search, locked, archive);
  return fetched.ok ? unpack(context, search, archive) : fetched;
}

async function lockedKeyring(home: string): Promise<LockedPackage | undefined> {
  const images = join(home, 'docker');
  const files = await readdir(images, { recursive: true }).catch(() => []);
  for (const file of files.filter((name) => name.endsWith('.lock')).sort()) {
    const text = await readFile(join(images, file), 'utf8').catch(() => '');
    if (!text.includes(`"${KEYRING_PACKAGE}"`)) continue;
    const found = findPackage(text);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** A lock that is damaged is passed over here: it has its own error where it is used. */
function findPackage(text: string): LockedPackage | undefined {
  try {
    const { sets } = JSON.parse(text) as { sets: Record<string, LockedPackage[]> };
    const found = Object.values(sets).flat();
    return found.find(({ name, digest }) => name === KEYRING_PACKAGE && /^sha256:[0-9a-f]{64}$/.test(digest));
  } catch {
    return undefined;
  }
}

async function fetchByDigest(
  context: Context,
  search: KeyringSearch,
  locked: LockedPackage,
  target: string,
): Promise<Result<void>> {
  const evidence: string[] = [];
  for (const mirror of search.mirrors) {
    const hash = locked.digest.replace('sha256:', 'SHA256:');
    const run = await runTool(context, search, [
      APT_HELPER,
      'download-file',
      `${mirror}/${locked.path}`,
      target,
      hash,
    ]);
    if (!run.ok) return run;
    if (run.value === undefined) return ok(undefined);
    evidence.push(...run.value);
  }
  return err(noKeyring(evidence));
}

async function unpack(context: Context, search: KeyringSearch, archive: string): Promise<Result<string>> {
  const root = join(search.folder, 'keyring');
  await mkdir(root);
  const run = await runTool(context, search, ['dpkg-deb', '--extract', archive, root]);
  if (!run.ok) return run;
  for (const file of KEYRING_FILES) {
    if (run.value === undefined && (await exists(join(root, file)))) return ok(join(root, file));
  }
  return err(noKeyring(run.value ?? [`${KEYRING_PACKAGE} holds none of ${KEYRING_FILES.join(', ')}`]));
}

/** Nothing when the tool exited 0, else what it printed. */
async function runTool(
  context: Context,
  search: KeyringSearch,
  argv: readonly [string, ...string[]],
): Promise<Result<readonly string[] | undefined>> {
  const run = await runProcess({
    argv,
    env: { ...search.proxies, PATH: search.path, LC_ALL: 'C' },
    timeoutMs: 120_000,
    signal: context.signal,
  });
  if (!run.ok) return run.error.code === 'engine/command-not-found' ? err(noKeyring([run.error.what])) : run;
  if (run.value.status === 0) return ok(undefined);
  const text = Buffer.concat([run.value.stdout, run.value.stderr]).toString('utf8');
  return ok(text.split('\n').filter((line) => line.trim() !== ''));
}

function noKeyring(evidence: readonly string[]): Failure {
  return {
    code: 'lock/no-keyring',
    what: "Debian's archive keys are not on this machine, so what a mirror serves cannot be verified.",
    why: `${KEYRING_FILES[0]} is missing, and the locked copy of it could not be fetched.`,
    fix: [`Install the package \`${KEYRING_PACKAGE}\` (Debian and Ubuntu have it).`],
    evidence,
  };
}
