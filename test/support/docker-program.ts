// A run of its own on an engine, for tests that kill it: node docker-program.ts '{"socket": …, "folder": …, …}'.
import { probeDockerEngine } from '../../src/engine/docker/docker.ts';
import { dockerContext, storeIn } from './fake-docker.ts';
import { ENV, value } from './sandboxes.ts';

interface Request {
  readonly socket: string;
  readonly folder: string;
  readonly rootfs: string;
  readonly argv: readonly [string, ...string[]];
}

const { socket, folder, rootfs, argv } = JSON.parse(process.argv[2] as string) as Request;
const context = dockerContext(folder, `docker:unix://${socket}`);
process.on('SIGINT', () => context.abort());
const engine = value(await probeDockerEngine(context, { store: await storeIn(folder) }));
const box = value(await engine.open({ rootfs, mounts: [{ kind: 'scratch', at: '/s' }], network: 'none' }));
await box.run({ argv, env: ENV, cwd: '/', onOutput: (_, chunk) => process.stdout.write(chunk) });
await box[Symbol.asyncDispose]();
await engine.close?.();
process.exit();
