import { resolve } from 'node:path';
import { closest } from '../domain/closest.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Failure } from '../failure.ts';
import { readEmbedded } from '../sbom/embed.ts';
import { SBOM_FORMATS } from '../sbom/model.ts';
import { toOpenVex } from '../sbom/openvex.ts';
import type { Command, Invocation, Outcome } from './command.ts';
import { readSubject, type Subject } from './subject.ts';

/** What is printed: the documents inside, and what is made of them. */
const FORMATS = [...SBOM_FORMATS, 'openvex'] as const;
type Format = (typeof FORMATS)[number];

export const command: Command = {
  name: 'sbom',
  summary: 'print the bill of materials inside a bundle or executable',
  positionals: [{ name: 'bundle', required: true, completes: 'file' }],
  options: {
    format: {
      type: 'string',
      value: '<name>',
      help: 'cyclonedx, spdx, or openvex: what patches corrected (default: cyclonedx)',
    },
  },
  examples: [
    'provision sbom artifacts/aarch64/isolate-aarch64-unknown-linux-gnu.tar.gz',
    'provision sbom ./isolate --format spdx > isolate.spdx.json',
    'provision sbom ./isolate --format openvex > isolate.openvex.json',
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
  const text = documents[format.value === 'openvex' ? 'cyclonedx' : format.value];
  if (text === undefined) return err(nothingInside(given, subject.value, damaged));
  if (format.value !== 'openvex') return ok({ text, json: JSON.parse(text) });
  const json = toOpenVex(text);
  return ok({ text: `${JSON.stringify(json, null, 1)}\n`, json });
}

function readFormat(value: unknown): Result<Format> {
  if (value === undefined) return ok('cyclonedx');
  const format = FORMATS.find((one) => one === value);
  if (format !== undefined) return ok(format);
  const meant = closest(String(value), FORMATS);
  return err({
    code: 'usage/format',
    what: `There is no format "${value}" of a bill of materials.`,
    fix: [
      meant === undefined
        ? `Choose from ${FORMATS.map((one) => `\`${one}\``).join(', ')}.`
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
