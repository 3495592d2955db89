import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { defined } from '../domain/defined.ts';
import type { DefinitionFile, Resolved } from '../domain/definitions.ts';
import type { Resource, Statement } from '../provenance/statement.ts';

/** A lock as a statement of provenance has it: name, digest and text. */
export function lockResource(id: string, text: string): Resource {
  const content = Buffer.from(text);
  return { name: `${LOCK}${id}`, digest: { sha256: sha256(content) }, content: content.toString('base64') };
}

const LOCK = 'lock ';

/** Writes the locks of a statement into a folder: id → file. Those are left out whose text is missing, or has another digest. */
export async function writeStatedLocks(
  { predicate }: Statement,
  folder: string,
): Promise<ReadonlyMap<string, string>> {
  await mkdir(folder, { recursive: true });
  const files = new Map<string, string>();
  for (const { name = '', digest, content } of predicate.buildDefinition.resolvedDependencies) {
    if (!name.startsWith(LOCK) || content === undefined) continue;
    const text = Buffer.from(content, 'base64');
    if (sha256(text) !== digest?.sha256) continue;
    // Names are anybody's: none of them becomes a path.
    const file = join(folder, `${files.size}.lock`);
    await writeFile(file, text);
    files.set(name.slice(LOCK.length), file);
  }
  return files;
}

/** A recipe whose locks are these files, where there are any. */
export function withLocks(resolved: Resolved, files: ReadonlyMap<string, string>): Resolved {
  const made = new Map<DefinitionFile, DefinitionFile>();
  // What was one stays one: that the interpreter is the reference is known by that.
  const at = (file: DefinitionFile): DefinitionFile => {
    const known = made.get(file);
    if (known !== undefined) return known;
    const lockFile = files.get(file.id) ?? file.lockFile;
    const other = { ...file, lockFile, ...defined({ addsTo: file.addsTo && at(file.addsTo) }) };
    made.set(file, other);
    return other;
  };
  const within = <T extends { readonly file: DefinitionFile }>(one: T): T => ({ ...one, file: at(one.file) });
  const { files: own, sysrootFile, tools, ordered, systemData, systems } = resolved;
  return {
    ...resolved,
    files: {
      toolchain: at(own.toolchain),
      sysroot: at(own.sysroot),
      interpreter: at(own.interpreter),
      reference: at(own.reference),
    },
    systems: systems.map((one) => ({ ...one, ...defined({ file: one.file && at(one.file) }) })),
    ...defined({
      sysrootFile: sysrootFile && at(sysrootFile),
      tools: tools && within(tools),
      systemData: systemData && within(systemData),
      ordered: ordered && {
        ordered: within(ordered.ordered),
        ...defined({ control: ordered.control && within(ordered.control) }),
      },
    }),
  };
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
