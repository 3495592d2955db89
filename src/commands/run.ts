import type { Result } from '../domain/result.ts';
import type { Command, Invocation, Outcome } from './command.ts';
import { unlessUnchanged } from './run/unchanged.ts';

export const command: Command = {
  name: 'run',
  summary: 'provision, build, bundle and run the samples of a recipe',
  positionals: [{ name: 'recipe', required: false, completes: 'recipe' }],
  options: {
    samples: {
      type: 'string',
      multiple: true,
      value: '<path>',
      help: 'run these scripts or folders instead (repeatable)',
    },
    artifacts: {
      type: 'string',
      value: '<folder>',
      help: 'where reports and bundle go (artifacts/<recipe>)',
    },
    format: {
      type: 'string',
      multiple: true,
      value: '<format>',
      help: 'ship the bundle as `oci`, `deb` or `onefile` too (repeatable)',
    },
    'no-host': {
      type: 'boolean',
      help: 'do not start the bundle on this machine outside of a sandbox',
    },
  },
  examples: [
    'provision aarch64',
    'provision aarch64 --samples my_script.py',
    'provision aarch64 --python 3.14',
    'provision x86_64 --python 3.11,3.13,3.14',
    'provision run --project my-crate',
    'provision run ./my-recipe.yaml --offline',
  ],
  renders: true,
  run,
};

/** What does the work is loaded where there is any. */
function run(invocation: Invocation): Promise<Result<Outcome>> {
  return unlessUnchanged(invocation, async (observed) => {
    const { provisionVersions } = await import('./run/each.ts');
    return provisionVersions(observed);
  });
}
