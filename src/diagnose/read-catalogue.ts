import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import * as z from 'zod';
import type { BlockerPattern } from '../domain/blocker.ts';
import { defined } from '../domain/defined.ts';

const expression = z
  .string()
  .min(1)
  .transform((source, context) => {
    try {
      return new RegExp(source, 'm');
    } catch (error) {
      context.addIssue({ code: 'custom', message: (error as Error).message });
      return z.NEVER;
    }
  });
const code = z.string().regex(/^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/);
const sentence = z.string().trim().min(1);

const entry = z
  .strictObject({
    code,
    title: sentence,
    match: z.array(expression).min(1),
    without: z.array(expression).default([]),
    lines: z.array(expression).default([]),
    after: z.int().min(0).max(20).default(0),
    because: sentence,
    fix: z.union([sentence.transform((one) => [one]), z.array(sentence)]).default([]),
    packages: z.record(z.string(), z.record(z.string(), z.string())).default({}),
    advice: z.array(sentence).default([]),
    step: code.optional(),
    before: z.array(code).default([]),
  })
  .transform(({ step, ...rest }) => ({ ...rest, ...defined({ step }) }));

const file = z.strictObject({ schema: z.literal(1), blockers: z.array(entry).min(1) });

/** Where the catalogue is in the tool's own folder. */
export function catalogueFolder(home: string): string {
  return join(home, 'src', 'diagnose', 'catalogue');
}

/**
 * The catalogue of blockers: every YAML file of a folder, in the order of their names. It is part of the tool: a mistake
 * in it is a bug, and throws. Read at once, not awaited: it is needed at the moment when something fails.
 */
export function readCatalogue(folder: string): readonly BlockerPattern[] {
  const names = readdirSync(folder).filter((name) => name.endsWith('.yaml'));
  return names.sort().flatMap((name) => {
    const read = file.safeParse(parse(readFileSync(join(folder, name), 'utf8')));
    if (!read.success) throw new Error(`${name}: ${z.prettifyError(read.error)}`);
    return read.data.blockers;
  });
}

/** The package that has a program, library or header, as the tables of these entries of the catalogue name it. */
export function packageWith(home: string, codes: readonly string[], wanted: string): string | undefined {
  const entries = readCatalogue(catalogueFolder(home));
  const tables = codes
    .flatMap((one) => entries.filter(({ code: of }) => of === one))
    .flatMap(({ packages }) => Object.values(packages));
  return tables.find((table) => Object.hasOwn(table, wanted))?.[wanted];
}
