import { appendFileSync } from 'node:fs';
import type { FailedStep, StepExit } from '../domain/blocker.ts';
import type { Context } from '../domain/context.ts';
import { defined } from '../domain/defined.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { shellCommand } from '../domain/shell.ts';
import type { StageName } from '../events.ts';
import type { Failure } from '../failure.ts';
import type { Command, Exit, Sandbox } from './engine.ts';
import { machineRefusal } from './machine-refusal.ts';

export interface ToolRun {
  readonly stage: StageName;
  /** Code of the failure when the tool exits non-zero. */
  readonly code: Failure['code'];
  /** What was being done, for the failure: "Building the program". */
  readonly doing: string;
  readonly fix: readonly string[];
  /** File that gets everything the tool prints. */
  readonly log: string;
  readonly command: Command;
  /** Lines of stdout are for machines: kept out of the log and off the screen. */
  readonly quietStdout?: boolean;
  /** Lines that say more of what a failing tool printed; they follow it. */
  readonly remarks?: (output: string) => Promise<readonly string[]>;
}

/** Lines of a failing tool's output that a failure quotes. */
const EVIDENCE_LINES = 40;

/** Characters of a failing tool's output that a blocker is recognised by. */
const OUTPUT_KEPT = 4 * 1024 * 1024;

/**
 * Runs a tool of the toolchain; a non-zero exit becomes a failure that quotes the tool's last lines. The log is written as
 * the tool prints, so that it is there whatever becomes of us.
 */
export async function runTool(
  context: Context,
  sandbox: Pick<Sandbox, 'run'>,
  run: ToolRun,
): Promise<Result<Exit>> {
  context.emit({ type: 'command', stage: run.stage, line: shellCommand(run.command.argv) });
  appendFileSync(run.log, `$ ${shellCommand(run.command.argv)}\n`);
  const pending: Uint8Array[] = [];
  const exit = await sandbox.run({
    ...run.command,
    onOutput: (stream, chunk) => {
      if (stream === 'stdout' && run.quietStdout === true) return;
      pending.push(Uint8Array.from(chunk));
      appendFileSync(run.log, chunk);
      context.emit({
        type: 'stage-output',
        stage: run.stage,
        stream,
        text: Buffer.from(chunk).toString('utf8'),
      });
    },
  });
  if (!exit.ok) return exit;
  appendFileSync(run.log, `→ ${describeExit(exit.value)}\n`);
  if (exit.value.status === 0 && exit.value.limit === undefined) return ok(exit.value);
  const printed = Buffer.concat(pending).toString('utf8');
  const remarks = (await run.remarks?.(printed)) ?? [];
  const output = [...(remarks.length === 0 ? [printed] : [printed.trimEnd(), ...remarks, ''])].join('\n');
  appendFileSync(run.log, remarks.map((line) => `${line}\n`).join(''));
  context.emit({ type: 'step-failed', step: stepOf(run, exit.value, output) });
  const lines = output.trimEnd().split('\n');
  const refusal = machineRefusal(output);
  return err({
    code: run.code,
    what: `${run.doing} failed: \`${run.command.argv[0]}\` ended with ${describeExit(exit.value)}.`,
    fix: run.fix,
    ...refusal,
    evidence: lines.slice(-EVIDENCE_LINES),
    see: [run.log],
  });
}

function stepOf({ stage, doing, command, log }: ToolRun, exit: Exit, output: string): FailedStep {
  const { argv, env, cwd } = command;
  return {
    ...{ stage, doing, argv, env, cwd, log, place: 'sandbox' },
    exit: exitOf(exit),
    ms: Math.round(exit.ms),
    output: output.slice(-OUTPUT_KEPT),
  };
}

/** How a process ended, without what it printed. */
export function exitOf({ status, signal, limit }: Pick<Exit, 'status' | 'signal' | 'limit'>): StepExit {
  return {
    ...defined({ status, signal, limit }),
  };
}

function describeExit(exit: Exit): string {
  if (exit.limit !== undefined) return `its ${exit.limit} limit reached`;
  return exit.signal === undefined ? `exit status ${exit.status}` : `signal ${exit.signal}`;
}
