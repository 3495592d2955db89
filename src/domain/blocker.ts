import type { StageName } from '../events.ts';
import { defined } from './defined.ts';

/** How a process ended: by itself, by a signal (`SIGKILL`), or by a limit of ours. */
export interface StepExit {
  readonly status?: number;
  readonly signal?: string;
  readonly limit?: 'time' | 'output' | 'disk';
}

/** A process of another tool that failed, as it was started and as it ended. */
export interface FailedStep {
  readonly stage: StageName;
  /** What was being done: "Building isolate". */
  readonly doing: string;
  readonly argv: readonly string[];
  /** The whole environment, secrets and all: it is redacted before it is written. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly place: 'sandbox' | 'host';
  readonly exit: StepExit;
  /** Milliseconds, wall. */
  readonly ms: number;
  /** What it printed, both streams; of a long output the end. */
  readonly output: string;
  /** Host file with everything that was printed; absent: `output` is all. */
  readonly log?: string;
  /** Versions of tools that are not the recipe's own. */
  readonly versions?: Readonly<Record<string, string>>;
  /** The sample, where the step was one. */
  readonly sample?: string;
  /** Line of the sample's header that declares a difference there, up to the reason: `# differs-on: aarch64`. */
  readonly declares?: string;
  /** Reported as a blocker only if the catalogue has it: a program may end like this on purpose. */
  readonly knownOnly?: boolean;
}

/** An entry of the catalogue: what a tool prints, what it means, and what fixes it. */
export interface BlockerPattern {
  /** Stable, `lower-kebab-case`. */
  readonly code: string;
  /** What happened, in a few words. `{…}`: text that a named group of a pattern found. */
  readonly title: string;
  /** Any of them found in the output makes it this blocker. Multi-line, no other flags. */
  readonly match: readonly RegExp[];
  /** None of them may be found. */
  readonly without: readonly RegExp[];
  /** Further lines that matter. */
  readonly lines: readonly RegExp[];
  /** Lines after each that matters that belong to it. */
  readonly after: number;
  readonly because: string;
  /** A command, or a line that `cureSentence` says the place of, that fixes it; of several the first without a hole. */
  readonly fix: readonly string[];
  /** What a group found, or a value of the context → what packages call it, which is `{package}`: `program: {protoc: protobuf-compiler}`. */
  readonly packages: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly advice: readonly string[];
  /** Step of provisioning that fixes it. */
  readonly step?: string;
  /** Codes of blockers that are a consequence of this one, where both are found. */
  readonly before: readonly string[];
}

/** `artifacts/<recipe>/blockers/<code>.json`; everything that was printed is beside it in `<code>.log`. */
export interface Blocker {
  readonly schema: 1;
  /** Of the catalogue, or `unknown`. */
  readonly code: string;
  readonly title: string;
  readonly recipe: string;
  /** Rust's triple. */
  readonly target: string;
  readonly stage: string;
  /** Code of the failure that it led to, e.g. `build/failed`; absent where the run ended before. */
  readonly failure?: string;
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly doing: string;
  /** Verbatim lines that matter, secrets redacted. */
  readonly lines: readonly string[];
  readonly because: string;
  /** A command, or a line of a file: `cureSentence` says which. */
  readonly cure?: string;
  readonly advice: readonly string[];
  /** Name of the step of the ladder that fixes it. */
  readonly rung?: string;
  readonly command?: BlockerCommand;
  readonly exit?: StepExit;
  /** Milliseconds, wall. */
  readonly ms?: number;
  /** Program or package → version, of every tool involved. */
  readonly versions: Readonly<Record<string, string>>;
  /** Other entries of the catalogue that fit too. */
  readonly also: readonly string[];
  /** Names of the samples that ended so. */
  readonly samples?: readonly string[];
  /** Relative to the artifacts folder. */
  readonly log: string;
}

export interface BlockerCommand {
  readonly argv: readonly string[];
  /** As a user would type it. */
  readonly line: string;
  readonly cwd: string;
  readonly place: 'sandbox' | 'host';
  /** Secrets redacted. */
  readonly env: Readonly<Record<string, string>>;
}

/** A blocker in a report. Files are relative to the artifacts folder. */
export interface BlockerSummary {
  readonly code: string;
  readonly stage: string;
  readonly title: string;
  readonly lines: readonly string[];
  readonly because: string;
  readonly cure?: string;
  readonly file: string;
  readonly log: string;
  readonly samples?: readonly string[];
}

/** `artifacts/<recipe>/ladder.json`: from nothing provisioned to samples that run, one step at a time. */
export interface Ladder {
  readonly schema: 1;
  readonly recipe: string;
  readonly target: string;
  /** ISO 8601, UTC. */
  readonly started: string;
  /** Milliseconds, wall. */
  readonly ms: number;
  readonly versions: Readonly<Record<string, string>>;
  /** `runs`: every sample equals the reference. `differs`: they run. `blocked`: no step was left. */
  readonly outcome: 'runs' | 'differs' | 'blocked';
  readonly steps: readonly LadderStep[];
  readonly totals?: {
    readonly samples: number;
    readonly passed: number;
    readonly failed: number;
    readonly skipped: number;
  };
}

export interface LadderStep {
  /** From 0: nothing provisioned. */
  readonly number: number;
  readonly name: string;
  readonly title: string;
  /** What it adds, in words of the tools: variables, flags, files. */
  readonly adds: readonly string[];
  /** What was tried with it. */
  readonly command: string;
  /** Milliseconds, wall. */
  readonly ms: number;
  /** Code of the blocker that is gone with it. */
  readonly cures?: string;
  /** What then stopped it; absent: nothing. */
  readonly blocker?: BlockerSummary;
}

/** How lines begin that are no commands, and where they are written. */
const LINES: readonly (readonly [beginning: RegExp, place: string])[] = [
  [/^(?:let |println!)/, 'the build script'],
  [/^mod /, 'the crate'],
  [/^# /, 'the header of the sample'],
];

/** Keys of a recipe whose packages are locked beside it. */
const LOCKED = ['toolchain', 'sysroot'];

/** What to do with a cure, as a sentence. */
export function cureSentence(cure: string): string {
  const place = LINES.find(([beginning]) => beginning.test(cure))?.[1];
  if (place !== undefined) return `Write in ${place}: \`${cure}\``;
  const key = /^([a-z]+): (?:\{|\w+$)/.exec(cure)?.[1];
  if (key === undefined) return `Run: \`${cure}\``;
  const locked = LOCKED.includes(key) ? ' Then run `provision lock`.' : '';
  return `Write in \`provision.yaml\`: \`${cure}\`.${locked}`;
}

export function summaryOf(blocker: Blocker): BlockerSummary {
  const { code, stage, title, lines, because, cure, log, samples } = blocker;
  return {
    ...{ code, stage, title, lines, because },
    ...defined({ cure }),
    ...{ file: log.replace(/\.log$/, '.json'), log },
    ...defined({ samples }),
  };
}
