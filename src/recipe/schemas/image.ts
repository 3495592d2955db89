import * as z from 'zod';
import {
  addedTreeSchema,
  architecture,
  description,
  name,
  program,
  suite,
  treeKeys,
  version,
} from './common.ts';

const rustStd = z.union([z.literal('source'), addedTreeSchema], {
  error: '`source`, or a mapping with `packages`',
});

/** Without `extends` an image stands alone, and these say what it is made of. */
const OWN = ['suite', 'architectures', 'packages'] as const;

export const imageSchema = z
  .strictObject({
    schema: version,
    description,
    extends: name
      .optional()
      .describe(
        'Image that this one adds to: name of a folder in `docker/`. Lists go behind its own, mappings over them.',
      ),
    suite: suite.optional(),
    releases: z
      .record(
        z.string().regex(/^[a-z][a-z0-9]*(?:-[a-z]+)*$/, 'a name in lower case'),
        z.string().regex(/^[0-9]+(?:\.[0-9]+)*$/, 'a release such as "19", in quotes'),
      )
      .optional()
      .describe(
        'Name → release of what its packages have in their names: `llvm: "19"` stands for `{llvm}`. An image that extends ' +
          'another sets its own over them.',
      ),
    next: name
      .optional()
      .describe('The image of the same programs with a newer Rust, of the next suite: the channel `next`.'),
    architectures: z
      .array(architecture)
      .min(1)
      .refine((names) => new Set(names).size === names.length, 'a list that names each architecture once')
      .optional()
      .describe(
        "Debian's names of the architectures that it is made for, each with a lock. The one of the machine is taken, else " +
          'the first.',
      ),
    ...treeKeys,
    packages: treeKeys.packages.removeDefault().optional(),
    emulators: z
      .string()
      .min(1)
      .optional()
      .describe('Pattern of the emulators in it; of these only the ones that targets name are unpacked.'),
    tools: z
      .record(z.string().regex(/^[a-z][a-z0-9-]*$/, 'the name of a role'), program)
      .default({})
      .describe(
        'Role → program in the image, where packages give programs a name of their own: `cc: clang-19`.',
      ),
    'rust-std': z
      .strictObject({ gnu: rustStd.optional(), musl: rustStd.optional(), wasi: rustStd.optional() })
      .default({})
      .describe(
        "Where Rust's standard library comes from, by kind of C library: packages of the target's architecture, which must " +
          "be of the version of the image's rustc, or `source`.",
      ),
  })
  .superRefine((image, context) => {
    if (image.extends !== undefined) return;
    for (const key of OWN) {
      if (image[key] === undefined) context.addIssue({ code: 'custom', path: [key], message: 'there' });
    }
  })
  .describe(
    'A root filesystem made of locked distribution packages. Text may hold `{multiarch}` and the other facts of the machine ' +
      'it is made for; in `pythons/` also `{python}` and `{suite}`.',
  );

export type ImageFile = z.output<typeof imageSchema>;
