import type { Event, StageName } from '../../events.ts';
import { PlainLines } from '../plain.ts';
import type { Renderer, Streams } from '../renderer.ts';
import { annotation, escapeCommands, GROUP_END, groupStart } from './commands.ts';

/** Lines that a group keeps of a stage; of more the last, which show how it ended. */
const MAX_LINES = 2000;

/**
 * One line for each thing that happens, as in a pipe. What tools print while a stage runs follows when it is over, in a
 * group of its own: stages run side by side, and groups do not nest. Warnings become annotations.
 */
export function actionsRenderer(streams: Streams): Renderer {
  const lines = new PlainLines({ ...streams, color: false, verbose: true });
  const groups = new Map<StageName, Group>();
  const write = (line: string): void => {
    streams.out.write(`${line}\n`);
  };
  const close = (stage: StageName, title: string): void => {
    const group = groups.get(stage);
    groups.delete(stage);
    const grouped =
      group === undefined ? undefined : [groupStart(title), ...group.lines().map(escapeCommands), GROUP_END];
    for (const line of grouped ?? [escapeCommands(title)]) write(line);
  };
  return {
    emit: (event) => {
      const text = lines.of(event);
      switch (event.type) {
        case 'command':
        case 'stage-output':
          keep(groups, event.stage, text);
          break;
        case 'stage-finished':
          keep(groups, event.stage, text.slice(0, -1));
          close(event.stage, text.at(-1) ?? `${event.stage}: ${event.outcome}`);
          break;
        case 'notice':
          write(event.level === 'warning' ? warning(event) : text.map(escapeCommands).join('\n'));
          break;
        default:
          for (const line of text) write(escapeCommands(line));
      }
    },
    finish: async () => {
      for (const stage of [...groups.keys()]) {
        keep(groups, stage, lines.unfinished(stage));
        close(stage, `${stage}: not finished`);
      }
    },
  };
}

/** Lines of one stage, of which the last are kept. */
class Group {
  readonly #lines: string[] = [];
  #dropped = 0;

  add(lines: readonly string[]): void {
    this.#lines.push(...lines);
    // In steps: to move all lines for each new one would take the square of their number.
    if (this.#lines.length > 2 * MAX_LINES) this.#drop();
  }

  lines(): readonly string[] {
    this.#drop();
    return this.#dropped === 0
      ? this.#lines
      : [`… ${this.#dropped} lines before these are in the stage's log`, ...this.#lines];
  }

  #drop(): void {
    const over = this.#lines.length - MAX_LINES;
    if (over <= 0) return;
    this.#lines.splice(0, over);
    this.#dropped += over;
  }
}

function keep(groups: Map<StageName, Group>, stage: StageName, lines: readonly string[]): void {
  if (lines.length === 0) return;
  const group = groups.get(stage) ?? new Group();
  groups.set(stage, group);
  group.add(lines);
}

function warning({ code, message }: Extract<Event, { type: 'notice' }>): string {
  return annotation({ level: 'warning', title: code, message });
}
