// A small program of its own around the engine, for tests that need a process to kill, to interrupt or to confine:
// node sandbox-program.ts '{"folder": …, "rootfs": …, "argv": […]}'. Prints what came out as one line of JSON.

import type { Command, SandboxSpec } from '../../src/engine/engine.ts';
import { probeEngine, text } from './sandboxes.ts';

interface Request {
  /** Where scratch folders go. */
  readonly folder: string;
  readonly spec: SandboxSpec;
  readonly command: Command;
}

const request = JSON.parse(process.argv[2] as string) as Request;
const controller = new AbortController();
process.on('SIGINT', () => {
  process.stdout.write('interrupted\n');
  controller.abort();
});
process.stdout.write(`${JSON.stringify(await main())}\n`);

async function main(): Promise<unknown> {
  const engine = await probeEngine(request.folder, controller.signal);
  if (!engine.ok) return { failure: engine.error };
  const { emulation: wanted } = request.spec;
  const support = wanted === undefined ? undefined : await engine.value.emulation(wanted.elf);
  if (support?.ok === false) return { failure: support.error };
  const emulation = support?.value;
  const box = await engine.value.open(request.spec);
  if (!box.ok) return { failure: box.error };
  await using sandbox = box.value;
  const exit = await sandbox.run(request.command);
  if (!exit.ok) return { info: engine.value.info, failure: exit.error, emulation };
  const { stdout, stderr, ...rest } = exit.value;
  return {
    info: engine.value.info,
    exit: { ...rest, stdout: text(stdout), stderr: text(stderr) },
    emulation,
  };
}
