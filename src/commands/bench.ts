import { closest } from '../domain/closest.ts';
import { err, type Result } from '../domain/result.ts';
import type { Command, Invocation, Outcome } from './command.ts';

type Bench = (invocation: Invocation) => Promise<Result<Outcome>>;

const BENCHES: Readonly<Record<string, () => Promise<Bench>>> = {
  provisioning: async () => (await import('../bench/provisioning.ts')).benchProvisioning,
  wasm: async () => (await import('../bench/wasm.ts')).benchWasm,
};

export const command: Command = {
  name: 'bench',
  summary: 'measure the tool itself, against the same work by hand',
  positionals: [
    { name: 'what', required: true },
    { name: 'recipe', required: false, completes: 'recipe' },
  ],
  options: {
    rounds: { type: 'string', value: '<n>', help: 'how often each side is run, in turn (default: 3)' },
    'skip-cold': { type: 'boolean', help: 'leave out the cold runs and the work by hand' },
  },
  examples: ['provision bench provisioning', 'provision bench provisioning aarch64 --rounds 5'],
  renders: false,
  run,
};

async function run(invocation: Invocation): Promise<Result<Outcome>> {
  const what = invocation.positionals[0] as string;
  const load = Object.hasOwn(BENCHES, what) ? BENCHES[what] : undefined;
  if (load === undefined) {
    const names = Object.keys(BENCHES);
    const meant = closest(what, names);
    return err({
      code: 'usage/unknown-bench',
      what: `There is no bench "${what}".`,
      fix: [...(meant === undefined ? [] : [`Did you mean ${meant}?`]), `Benches: ${names.join(', ')}.`],
    });
  }
  return (await load())(invocation);
}
