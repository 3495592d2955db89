import type { Result } from '../domain/result.ts';
import { readContent, type Take, type TarStretch } from './content.ts';
import { missingLinkTarget, Refusal, refusable } from './refusal.ts';
import { readTar, type Sink, type TarEntry } from './tar-reader.ts';
import { type Collision, type FolderAttributes, Writer, type WriterOptions } from './writer.ts';

/** What unpacking one archive did and what is left to do when all are unpacked. */
export interface Unpacked {
  readonly files: number;
  readonly bytes: number;
  readonly collisions: readonly Collision[];
  readonly attributes: readonly FolderAttributes[];
}

/** Unpacks one tar archive within a file, e.g. the files of a package. Failures: `archive/…`, `store/no-space`, …. */
export function unpackTar(
  { range, compression }: TarStretch,
  options: WriterOptions,
  signal: AbortSignal,
): Promise<Result<Unpacked>> {
  return refusable(range.file, async () => {
    const content = (take: Take) => readContent(options.archive, range, compression, signal, take);
    const writer = new Writer(options);
    await readTar(options.archive, content, (entry) => writer.visit(entry));
    if (writer.orphans.size > 0) await adoptOrphans(options.archive, content, writer);
    const { files, bytes, collisions, attributes } = writer;
    return { files, bytes, collisions, attributes };
  });
}

/** Second reading: gives the content of files that were left out to the hard links that want it. */
async function adoptOrphans(
  archive: string,
  content: (take: Take) => Promise<void>,
  writer: Writer,
): Promise<void> {
  await readTar(archive, content, (entry) => (entry.type === 'file' ? adopt(entry, writer) : undefined));
  for (const [target, [link]] of writer.orphans) {
    throw new Refusal(missingLinkTarget(archive, link?.name ?? target, target));
  }
}

function adopt(entry: TarEntry, writer: Writer): Sink | undefined {
  const [first, ...others] = writer.takeOrphans(entry.name);
  if (!first) return undefined;
  const sink = writer.file({ ...entry, name: first.name });
  return {
    write: sink.write,
    end() {
      sink.end();
      for (const other of others) writer.hardLink({ ...other, target: first.name });
    },
  };
}
