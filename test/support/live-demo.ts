// A scripted run on the renderer of this terminal. Arguments: `live` or `plain`, then how it goes:
// `passes`, `fails`, `warm`, `interrupted`.
import type { SampleResult } from '../../src/domain/sample.ts';
import type { Event, StageName } from '../../src/events.ts';
import { createRenderer, type RendererKind } from '../../src/report/renderer.ts';

const [kind = 'live', how = 'passes', tempo = '1'] = process.argv.slice(2);
const renderer = createRenderer(kind as RendererKind, {
  out: process.stdout,
  err: process.stderr,
  color: process.stdout.isTTY && !process.env.NO_COLOR,
  verbose: false,
});
const interrupt = Promise.withResolvers<'interrupted'>();
process.on('SIGINT', () => interrupt.resolve('interrupted'));
const outcome = await Promise.race([play(), interrupt.promise]);
await renderer.finish();
process.stdout.write(`closing line: ${outcome}\n`);
process.exit(0);

async function play(): Promise<string> {
  if (how === 'warm') {
    for (const stage of ['toolchain', 'sysroot', 'build', 'run'] as const) {
      start(stage, `Stage ${stage}`);
      finish(stage, 'hit', '115 packages, 1.3 GB');
    }
    return 'warm';
  }
  start('toolchain', 'Toolchain llvm');
  start('sysroot', 'Sysroot debian-trixie-python3.13 with a name that is a good deal longer than usual');
  for (let i = 1; i <= 20; i++) {
    await pause(60);
    bytes('toolchain', i * 13_600_000, 272_000_000);
    emit({
      type: 'stage-progress',
      stage: 'toolchain',
      done: i * 5,
      total: 115,
      unit: 'packages',
      detail: 'libllvm19',
    });
    bytes('sysroot', i * 6_150_000, 123_000_000);
  }
  finish('sysroot', 'done', '58 packages, 544.2 MB');
  finish('toolchain', 'done', '115 packages, 1.3 GB');
  emit({
    type: 'notice',
    level: 'warning',
    code: 'fetch/mirror',
    message: 'A mirror answered 404; the next one has the file.',
  });
  start('build', 'Build isolate for far-unknown-linux-gnu');
  await pause(300);
  if (how === 'interrupted') await new Promise(() => setInterval(() => {}, 1000));
  finish('build', 'done', 'isolate, 31.2 MB');
  start('run', 'Samples on far-unknown-linux-gnu');
  for (let i = 1; i <= 42; i++) {
    await pause(15);
    const failed = how === 'fails' && i % 3 === 0;
    emit({ type: 'sample-finished', result: sample(`dynamic/sample_${i}`, failed), cached: false });
    emit({
      type: 'stage-progress',
      stage: 'run',
      done: i,
      total: 42,
      unit: 'samples',
      detail: `dynamic/sample_${i}`,
    });
  }
  finish('run', how === 'fails' ? 'failed' : 'done', '42 of 42 equal');
  return how;
}

function emit(event: Event): void {
  renderer.emit(event);
}

function start(stage: StageName, title: string): void {
  emit({ type: 'stage-started', stage, title, at: Date.now() });
}

function finish(stage: StageName, result: 'done' | 'hit' | 'failed', detail: string): void {
  emit({ type: 'stage-finished', stage, outcome: result, at: Date.now(), detail });
}

function bytes(stage: StageName, done: number, total: number): void {
  emit({ type: 'stage-progress', stage, done, total, unit: 'bytes', rate: 12_300_000 });
}

function sample(name: string, failed: boolean): SampleResult {
  const more = failed ? { status: 'failed', reason: 'stdout differs from line 3 on' } : { status: 'passed' };
  return { name, title: name, tier: 'dynamic', file: `${name}.py`, ...more } as SampleResult;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms * Number(tempo)));
}
