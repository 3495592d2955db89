import { constants } from 'node:os';
import { isAbsolute, join, relative } from 'node:path';
import { err, ok, type Result } from '../domain/result.ts';
import { PATHS } from '../engine/paths.ts';
import { crateAt, projectRoot } from '../engine/project-paths.ts';
import { exists } from '../exec/files.ts';
import type { Command, Invocation, Outcome } from './command.ts';
import { withWorkbench } from './workbench.ts';

export const command: Command = {
  name: 'exec',
  summary: "run one command in the recipe's toolchain, for its target",
  positionals: [{ name: 'recipe', required: false, completes: 'recipe' }],
  options: {},
  examples: [
    'provision exec aarch64 -- cargo check',
    'provision exec aarch64 -- cargo test --release',
    'provision exec aarch64 -- cargo run -- script.py',
  ],
  renders: false,
  run,
};

/**
 * What a command prints names this machine's folders, not the sandbox's: editors open what a compiler names. On a
 * terminal it gets that terminal as it is.
 */
async function run({ context, positionals, rest, terminal, print }: Invocation): Promise<Result<Outcome>> {
  if (rest.length === 0) return err(noCommand());
  const { cwd } = context.settings;
  return withWorkbench(context, positionals[0], async ({ plan, box, env, paths, project: seen }) => {
    const { project } = plan.recipe;
    const below = relative(projectRoot(project), cwd);
    const inside = !isAbsolute(below) && below.split('/')[0] !== '..' && (await exists(join(seen, below)));
    const out = { stdout: new PathTranslator(paths), stderr: new PathTranslator(paths) };
    const exit = await box.run({
      argv: rest as [string, ...string[]],
      env: {
        ...env,
        // What is typed as for the machine itself is for the target, and started through its runner.
        CARGO_BUILD_TARGET: plan.target.rustTriple,
        ...(terminal ? { TERM: 'xterm-256color', CARGO_TERM_COLOR: 'auto' } : {}),
      },
      cwd: inside ? [PATHS.project, below].filter(Boolean).join('/') : crateAt(project),
      ...(terminal
        ? { stdio: 'inherit' as const }
        : {
            maxOutput: Number.MAX_SAFE_INTEGER,
            onOutput: (stream, chunk) => print(stream, out[stream].translate(chunk)),
          }),
    });
    for (const stream of ['stdout', 'stderr'] as const) print(stream, out[stream].end());
    if (!exit.ok) return exit;
    const { status, signal } = exit.value;
    return ok({
      text: '',
      json: { status: status ?? null, signal: signal ?? null },
      status: status ?? 128 + (constants.signals[signal as NodeJS.Signals] ?? 0),
    });
  });
}

/** Replaces names of folders by others in a stream of lines. */
class PathTranslator {
  readonly #paths: readonly (readonly [string, string])[];
  #pending = Buffer.alloc(0);

  constructor(paths: readonly (readonly [string, string])[]) {
    this.#paths = paths;
  }

  /** Whole lines; the rest waits for its end. */
  translate(chunk: Uint8Array): string {
    const bytes = Buffer.concat([this.#pending, chunk]);
    const end = bytes.lastIndexOf(0x0a) + 1;
    this.#pending = Buffer.from(bytes.subarray(end));
    return this.#names(bytes.toString('utf8', 0, end));
  }

  end(): string {
    return this.#names(this.#pending.toString('utf8'));
  }

  #names(text: string): string {
    return this.#paths.reduce(
      (translated, [from, to]) => translated.replaceAll(new RegExp(`${from}(?=[/"'\\s:)]|$)`, 'g'), () => to),
      text,
    );
  }
}

function noCommand() {
  return {
    code: 'usage/no-command',
    what: 'There is no command to run.',
    fix: ['Give it behind two dashes: `provision exec <recipe> -- cargo check`.'],
  } as const;
}
