import * as z from 'zod';
import { addedTreeSchema, architecture, description, glibcVersion, name, suite, version } from './common.ts';

export const systemSchema = z
  .strictObject({
    schema: version,
    description,
    libc: z
      .enum(['gnu', 'musl'])
      .describe(
        'Kind of the C library of the targets whose programs run on it; those of musl are static and need none.',
      ),
    glibc: glibcVersion
      .optional()
      .describe('Version of its glibc, in quotes: a bundle that asks for a newer one does not start there.'),
    suite: suite.optional(),
    architectures: z
      .array(architecture)
      .min(1)
      .optional()
      .describe("Debian's names of the architectures that it has; without it every one."),
    root: z
      .union([name, addedTreeSchema])
      .describe(
        'What is in its root. A name: the run-time packages of the C library of that name in `targets/libc/`, of the suite ' +
          'of this system.',
      ),
  })
  .superRefine((system, context) => {
    const issue = (key: string, message: string) =>
      context.addIssue({ code: 'custom', path: [key], message });
    const packages = typeof system.root === 'string' || system.root.packages.length > 0;
    if (packages && system.suite === undefined) issue('suite', 'there: the root has packages');
    if (packages && system.architectures === undefined)
      issue('architectures', 'there: the root has packages');
    if (system.libc === 'gnu' && system.glibc === undefined)
      issue('glibc', 'there: the C library of its programs is glibc');
    if (system.libc !== 'gnu' && system.glibc !== undefined)
      issue('glibc', 'left out: its programs use none');
  })
  .describe(
    'A system on which the samples of a recipe are proved to run (`systems` in a recipe): a root with its C library and ' +
      'nothing of Python. Text may hold what that of a C library may.',
  );

export type SystemFile = z.output<typeof systemSchema>;
