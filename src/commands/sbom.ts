import { resolve } from 'node:path';
import { closest } from '../domain/closest.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Failure } from '../failure.ts';
import { readEmbedded } from '../sbom/embed.ts';
import { SBOM_FORMATS, type SbomFormat } from '../sbom/model.ts';
import type { Command, Invocation, Outcome } from './command.ts';
import { readSubject, type Subject } from './subject.ts';

export const command: Command = {
  name: 'sbom',
  summary: 'print the bill of materials inside a bundle or executable',
  positionals: [{ name: 'bundle', required: true, completes: 'file' }],
  options: {
    format: { type: 'string', value: '<name>', help: `${SBOM_FORMATS.join(' or ')} (default: cyclonedx)` },
  },
  examples: [
    'provision sbom artifacts/aarch64/isolate-aarch64-unknown-linux-gnu.tar.gz',
    'provision sbom ./isolate --format spdx > isolate.spdx.json',
  ],
  renders: false,
  run,
};

async function run({ context, values, positionals }: Invocation): Promise<Result<Outcome>> {
  const format = readFormat(values.format);
  if (!format.ok) return format;
  const [given = ''] = positionals;
  const subject = await readSubject(resolve(context.settings.cwd, given), given, context.signal);
  if (!subject.ok) return subject;
  const { documents, damaged } = readEmbedded(subject.value.program);
  const text = documents[format.value];
  if (text === undefined) return err(nothingInside(given, subject.value, damaged));
  return ok({ text, json: JSON.parse(text) });
}

function readFormat(value: unknown): Result<SbomFormat> {
  if (value === undefined) return ok('cyclonedx');
  const format = SBOM_FORMATS.find((one) => one === value);
  if (format !== undefined) return ok(format);
  const meant = closest(String(value), SBOM_FORMATS);
  return err({
    code: 'usage/format',
    what: `There is no format "${value}" of a bill of materials.`,
    fix: [
      meant === undefined
        ? `Choose from ${SBOM_FORMATS.map((one) => `\`${one}\``).join(' and ')}.`
        : `Did you mean \`${meant}\`?`,
    ],
  });
}

/** The failure for a program without its sections, or with ones that cannot be read. */
export function nothingInside(given: string, { name }: Subject, damaged: readonly string[]): Failure {
  return {
    code: 'archive/no-sbom',
    what:
      damaged.length === 0
        ? `${name} has no bill of materials inside.`
        : `The bill of materials in ${name} cannot be read.`,
    why:
      damaged.length === 0
        ? 'It was made by another program, by an older provision, or a tool removed the sections that are not loaded.'
        : `Its section ${damaged.join(', ')} is damaged.`,
    fix: [
      `Get the original of ${given} again.`,
      'To make it smaller, set `strip` in the profile of the crate: the bill of materials is added after that.',
    ],
  };
}
