// A run of its own on an engine, for tests that kill it: node docker-program.ts '{"socket": …, "folder": …, …}'.
import { probeDockerEngine } from '../../src/engine/docker/docker.ts';
import { dockerContext, storeIn } from './fake-docker.ts';
import { ENV, value } from './sandboxes.ts';

interface Request {
  readonly socket: string;
  readonly folder: string;
  readonly rootfs: string;
  readonly argv: readonly [string, ...string[]];
  readonly env?: Readonly<Record<string, string>>;
  /** The terminal is handed over; at the end one line of JSON reports how the command ended. */
  readonly inherit?: boolean;
}

const { socket, folder, rootfs, argv, env, inherit } = JSON.parse(process.argv[2] as string) as Request;
const context = dockerContext(folder, `docker:unix://${socket}`);
process.on('SIGINT', () => context.abort());
const engine = value(await probeDockerEngine(context, { store: await storeIn(folder) }));
const box = value(await engine.open({ rootfs, mounts: [{ kind: 'scratch', at: '/s' }], network: 'none' }));
const exit = await box.run({
  ...{ argv, cwd: '/', env: { ...ENV, ...env } },
  ...(inherit ? { stdio: 'inherit' } : { onOutput: (_, chunk) => process.stdout.write(chunk) }),
});
if (inherit) {
  const { status, signal } = value(exit);
  process.stdout.write(`${JSON.stringify({ status, signal })}\n`);
}
await box[Symbol.asyncDispose]();
await engine.close?.();
process.exit();
