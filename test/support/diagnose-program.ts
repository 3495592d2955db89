// A process that is killed at the moment when a step of its has failed: argv = folder of the artifacts.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Diagnostics } from '../../src/diagnose/diagnostics.ts';
import { runTool } from '../../src/engine/tool.ts';
import { Recorder } from '../../src/pipeline/recorder.ts';
import { REPOSITORY } from './cli.ts';
import { testContext } from './context.ts';
import { hostEngine } from './host-engine.ts';

const artifacts = process.argv[2] as string;
const { settings, signal } = testContext({ home: REPOSITORY });
const diagnostics = new Diagnostics({
  settings,
  artifacts,
  context: { recipe: 'far', target: 'far-unknown', folder: 'blockers', versions: { cc: '1' }, values: {} },
  recipeFile: 'recipes/far.yaml',
});
const recorder = new Recorder((event) => {
  // Nothing of ours runs after this.
  if (event.type === 'step-failed') process.kill(process.pid, 'SIGKILL');
}, diagnostics);
const logs = join(artifacts, 'logs');
mkdirSync(logs, { recursive: true });
const log = join(logs, 'build.log');
writeFileSync(log, '');
const box = await hostEngine().open({ rootfs: '/', mounts: [], network: 'none' });
if (!box.ok) throw new Error(box.error.what);
const script =
  'echo first; echo "error: linker \\`far-cc\\` not found" >&2; echo "sent $MY_TOKEN" >&2; exit 3';
await recorder.stage(
  'build',
  'Build',
  () =>
    runTool({ settings, signal, emit: recorder.emit }, box.value, {
      stage: 'build',
      code: 'build/failed',
      doing: 'Building',
      fix: ['Fix it.'],
      log,
      command: {
        argv: ['sh', '-c', script],
        env: { PATH: '/usr/bin:/bin', MY_TOKEN: 'very-secret-words' },
        cwd: '/',
      },
    }),
  () => ({ hit: false, detail: '' }),
);
