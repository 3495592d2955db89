import type { Command } from './command.ts';
import { loadAllCommands } from './index.ts';

/** All of a command but its work. */
export type CommandSpec = Omit<Command, 'run'>;

/** Of all commands. Where the program is compiled this is data (`program/compile.ts`): no command is loaded. */
export async function commandSpecs(): Promise<readonly CommandSpec[]> {
  return (await loadAllCommands()).map(({ run: _, ...spec }) => spec);
}
