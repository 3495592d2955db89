import * as z from 'zod';
import { description, INSIDE, SAFE_PATH, sha256, version } from './common.ts';

export const runtimeSchema = z
  .strictObject({
    schema: version,
    description,
    version: z
      .string()
      .regex(/^[0-9]+\.[0-9]+\.[0-9]+$/, 'a full version, such as `50.0.1`')
      .describe('Version of the runtime, and of the wheel that brings it.'),
    project: z
      .string()
      .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'the normalised name of a project')
      .describe('Project in the Python package index that pip is set to use; its wheels bring the runtime.'),
    wheels: z
      .record(
        z.string().min(1),
        z.strictObject({
          sha256: sha256.describe('Digest of the one wheel that is taken.'),
          library: z
            .string()
            .regex(SAFE_PATH, INSIDE)
            .describe('Path of the shared library inside the wheel.'),
        }),
      )
      .describe('The wheel for each machine, by its name (`uname -m`).'),
    launcher: z
      .string()
      .regex(SAFE_PATH, INSIDE)
      .describe('C source of the program that starts it, relative to this file.'),
  })
  .describe(
    'A runtime for WebAssembly: a library from the Python package index, and the program that starts it.',
  );

export type RuntimeFile = z.output<typeof runtimeSchema>;
