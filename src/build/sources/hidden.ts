import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { ARTIFACTS_MARK, ARTIFACTS_MARK_TEXT, SHARED_ARTIFACTS } from '../../domain/artifacts.ts';
import { unlessDeviceFailed } from '../../domain/errno.ts';

/** First bytes of a tag file (Cache Directory Tagging Specification). */
const TAG = 'Signature: 8a477f597d28d172789f06886806bc55';

/** Folders that belong to other tools wherever they are, and why no build sees them. */
const OF_OTHER_TOOLS: ReadonlyMap<string, string> = new Map([
  ['node_modules', 'it is the package folder of another tool'],
  ['__pycache__', 'it is a cache of Python'],
  ['.hg', 'it is the history of the project'],
  ['.svn', 'it is the history of the project'],
]);

/** Folders of a recipe's artifacts that a command may make before it writes anything else. */
const FIRST_ARTIFACTS: ReadonlySet<string> = new Set(['logs', 'blockers', 'probe']);

/** Why a build does not see a folder; undefined: it does. `names` is what the folder holds. */
export function hiddenFolder(folder: string, names: readonly string[]): string | undefined {
  const other = OF_OTHER_TOOLS.get(basename(folder));
  if (other !== undefined) return other;
  if (names.includes('CACHEDIR.TAG') && isTag(join(folder, 'CACHEDIR.TAG'))) {
    return 'it is a cache, as its CACHEDIR.TAG says (cargo marks its target folder so)';
  }
  return isArtifacts(folder, names) ? 'it holds artifacts of provision' : undefined;
}

/** Why a build does not see a file beside others of these names; undefined: it does. */
export function hiddenFile(folder: string, name: string, names: readonly string[]): string | undefined {
  if (!SHARED_ARTIFACTS.has(name)) return undefined;
  const ours = names.some((one) => holdsReport(join(folder, one)));
  return ours ? 'it is written by provision' : undefined;
}

/** The artifacts of one recipe: of a run, however far it came, or of an earlier version. */
function isArtifacts(folder: string, names: readonly string[]): boolean {
  // Artifacts may go anywhere, also into the folder of a crate.
  if (names.includes('Cargo.toml')) return false;
  if (names.includes(ARTIFACTS_MARK) || names.includes('report.json')) return holdsReport(folder);
  if (basename(dirname(folder)) !== 'artifacts' || !names.every((name) => FIRST_ARTIFACTS.has(name)))
    return false;
  return names.includes('logs') && namesIn(join(folder, 'logs')).every((name) => name.endsWith('.log'));
}

function holdsReport(folder: string): boolean {
  if (beginsWith(join(folder, ARTIFACTS_MARK), ARTIFACTS_MARK_TEXT)) return true;
  try {
    const report = JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8')) as {
      readonly tool?: { readonly name?: unknown };
    } | null;
    return report?.tool?.name === 'provision';
  } catch (cause) {
    return unlessDeviceFailed(false)(cause);
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (cause) {
    return unlessDeviceFailed([])(cause);
  }
}

function isTag(file: string): boolean {
  return beginsWith(file, TAG);
}

function beginsWith(file: string, text: string): boolean {
  let descriptor: number;
  try {
    descriptor = openSync(file, 'r');
  } catch (cause) {
    return unlessDeviceFailed(false)(cause);
  }
  try {
    const start = Buffer.alloc(text.length);
    return readSync(descriptor, start) === text.length && start.toString('latin1') === text;
  } catch (cause) {
    return unlessDeviceFailed(false)(cause);
  } finally {
    closeSync(descriptor);
  }
}
