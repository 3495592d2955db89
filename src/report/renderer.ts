import type { Emit } from '../events.ts';
import { actionsRenderer } from './actions/renderer.ts';
import { liveRenderer } from './live.ts';
import { plainRenderer } from './plain.ts';

export type RendererKind = 'live' | 'plain' | 'quiet' | 'actions';

export interface Streams {
  /** Where progress goes. `live` needs a terminal here. */
  readonly out: NodeJS.WriteStream;
  readonly err: NodeJS.WriteStream;
  readonly color: boolean;
  /** Show commands and what programs print. */
  readonly verbose: boolean;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/** Shows the events of the stages. The command itself prints failures and the summary line, after `finish`. */
export interface Renderer {
  readonly emit: Emit;
  /** Leaves the terminal as it was found, with everything that is worth keeping on it. */
  finish(): Promise<void>;
}

export function createRenderer(kind: RendererKind, streams: Streams): Renderer {
  // A reader that went away (`| head`) does not end the build; what else is lost is the stream's owner's to report.
  streams.out.on('error', () => {});
  return withoutRepeats(rendererOf(kind, streams));
}

/** What several stages notice is told once; the report of each run has it. */
function withoutRepeats({ emit, finish }: Renderer): Renderer {
  const told = new Set<string>();
  return {
    finish,
    emit: (event) => {
      if (event.type === 'notice') {
        const text = `${event.code} ${event.message}`;
        if (told.has(text)) return;
        told.add(text);
      }
      emit(event);
    },
  };
}

function rendererOf(kind: RendererKind, streams: Streams): Renderer {
  switch (kind) {
    case 'live':
      return liveRenderer(streams);
    case 'actions':
      return actionsRenderer(streams);
    case 'plain':
      return plainRenderer(streams);
    case 'quiet':
      return { emit: () => {}, finish: async () => {} };
  }
}
