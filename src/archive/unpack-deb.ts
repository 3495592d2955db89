import { err, ok, type Result } from '../domain/result.ts';
import { diskFailure } from '../store/disk.ts';
import { readContent, type Take } from './content.ts';
import { locateData } from './deb.ts';
import { missingLinkTarget, Refusal } from './refusal.ts';
import { readTar, type Sink, type TarEntry } from './tar-reader.ts';
import { type Collision, type FolderAttributes, Writer, type WriterOptions } from './writer.ts';

/** What unpacking one archive did and what is left to do when all are unpacked (`settle`). */
export interface Unpacked {
  readonly files: number;
  readonly bytes: number;
  readonly collisions: readonly Collision[];
  readonly attributes: readonly FolderAttributes[];
}

/** Unpacks the files of one `.deb` without running anything in it. Failures: `archive/…`, `store/no-space`, …. */
export function unpackDeb(
  file: string,
  options: WriterOptions,
  signal: AbortSignal,
): Promise<Result<Unpacked>> {
  return refusable(file, async () => {
    const data = locateData(options.archive, file);
    const content = (take: Take) => readContent(options.archive, data.range, data.compression, signal, take);
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

/** Runs a step of unpacking; what it refuses and what the disk says become failures, anything else is a bug. */
export async function refusable<T>(file: string, step: () => Promise<T>): Promise<Result<T>> {
  try {
    return ok(await step());
  } catch (cause) {
    if (cause instanceof Refusal) return err(cause.failure);
    const failure = diskFailure(cause, file);
    if (failure) return err(failure);
    throw cause;
  }
}
