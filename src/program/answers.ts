import { relative } from 'node:path';
import type { Invocation } from '../commands/command.ts';
import { command as completion } from '../commands/completion.ts';
import { overview } from '../commands/help.ts';
import { command as list } from '../commands/list.ts';
import { commandSpecs } from '../commands/specs.ts';
import type { Context } from '../domain/context.ts';
import { FileObserver } from '../exec/observe-files.ts';
import { displayed } from '../report/text.ts';
import { type Stamp, stampOf } from './stamp.ts';

/** What the program prints for arguments that mean the same everywhere, by these, joined by blanks. */
export type Answers = Readonly<Record<string, string>>;

const SHELLS = ['bash', 'fish', 'zsh'] as const;

/** Makes them once, so that `bin.ts` can print them without loading the program; `data`: what `list` was made of. */
export async function makeAnswers(
  home: string,
): Promise<{ readonly answers: Answers; readonly data?: Readonly<Record<string, Stamp>> }> {
  const answers: Record<string, string> = { '--help': overview(await commandSpecs()) };
  for (const shell of SHELLS) {
    const made = await completion.run({ positionals: [shell] } as unknown as Invocation);
    if (made.ok) answers[`completion ${shell}`] = displayed(made.value.text);
  }
  const observer = new FileObserver({ outputs: [], ignored: [] });
  observer.start();
  const context = { settings: { home } } as Context;
  const listed = await list.run({ context } as Invocation).finally(() => observer.pause());
  const observed = observer.finish();
  // A definition with a mistake: `list` says what it is, each time.
  if (!listed.ok || observed === undefined) return { answers };
  answers.list = displayed(listed.value.text);
  const paths = [...Object.keys(observed.files), ...Object.keys(observed.lists)];
  const data = paths.map((path) => [relative(home, path), stampOf(path)] as const);
  return { answers, data: Object.fromEntries(data) };
}
