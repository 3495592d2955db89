import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { until } from './sandboxes.ts';

export const CTRL_C = '\x03';
export const CTRL_Z = '\x1a';

/** Why tests with a terminal cannot be run here, for `skip`; else false. */
export const NO_TERMINAL: false | string = existsSync('/usr/bin/script')
  ? false
  : 'no `script` (bsdutils) here to make a terminal';

export interface Terminal {
  type(keys: string): void;
  /** Waits until the screen shows something that it did not show before the last wait. */
  shows(words: string): Promise<void>;
  /** All that was shown, when the line has ended. */
  readonly ended: Promise<string>;
}

/** Runs a line of shell on a new terminal of 33 rows and 77 columns. */
export function onTerminal(line: string): Terminal {
  const child: ChildProcessWithoutNullStreams = spawn(
    'script',
    ['-qefc', `stty rows 33 cols 77; ${line}`, '/dev/null'],
    { env: { PATH: process.env.PATH, SHELL: '/bin/sh' } },
  );
  let screen = '';
  let seen = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    screen += chunk.toString('utf8');
  });
  return {
    type: (keys) => void child.stdin.write(keys),
    shows: async (words) => {
      await until(`"${words}" on the screen`, () => screen.indexOf(words, seen) >= 0).catch((cause) => {
        child.kill();
        throw new Error(`${cause.message}; the screen: ${screen}`);
      });
      seen = screen.indexOf(words, seen) + words.length;
    },
    ended: new Promise((resolve) => {
      child.once('close', () => resolve(screen.replaceAll('\r', '')));
    }),
  };
}
