import type { Sample } from '../../domain/sample.ts';
import type { Failure } from '../../failure.ts';
import { DISK_LIMIT, OUTPUT_LIMIT, type Run } from '../../run/observe.ts';

/** The script is ended in the reference, or ends by something else than itself. */
export function endless({ file, timeoutSeconds }: Sample, { end, why }: Run): Failure {
  const common = { code: 'samples/advise-endless', fix: ['Give it less to do: `-- <arguments>`.'] } as const;
  const megabytes = (bytes: number): string => `${bytes / 1024 / 1024} MiB`;
  if (end === 'output')
    return { ...common, what: `${file} printed more than ${megabytes(OUTPUT_LIMIT)} in the reference.` };
  if (end === 'disk')
    return { ...common, what: `${file} wrote more than ${megabytes(DISK_LIMIT)} in the reference.` };
  if (end === 'emulator') return { ...common, what: `${file} could not be run in the reference: ${why}.` };
  return {
    ...common,
    what: `${file} did not end within ${timeoutSeconds} s in the reference.`,
    fix: [`Give it more time: \`--seconds ${timeoutSeconds * 10}\`.`, ...common.fix],
  };
}

export function noSyntax(
  file: string,
  [kind, message, line]: readonly [string, string, number | null],
): Failure {
  return {
    code: 'usage/script-syntax',
    what: `${file} is no Python that the reference can compile: ${kind}: ${message}.`,
    fix: [line === null ? 'Correct the script.' : `Correct line ${line}.`],
    ...(line === null ? {} : { at: { file, line, column: 1 } }),
  };
}
