import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** A folder that programs of a bundle take for the root of a system: it has what a test puts there, and nothing else. */
export class OtherSystem {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
    for (const folder of ['proc', 'tmp']) mkdirSync(join(root, folder), { recursive: true });
  }

  /** Unpacks a bundle into a folder of the system, without the folder that is in it. */
  unpack(archive: string, at: string): void {
    this.#into(at, ['tar', '-xzf', archive, '--strip-components=1']);
  }

  /** Unpacks the layers of a container image, the root first. */
  unpackImage(file: string, scratch: string): void {
    mkdirSync(scratch, { recursive: true });
    run(['tar', '-xf', file, '-C', scratch]);
    const [{ Layers: layers }] = JSON.parse(readFileSync(join(scratch, 'manifest.json'), 'utf8')) as [
      { Layers: readonly string[] },
    ];
    for (const layer of layers) this.#into('/', ['tar', '-xzf', join(scratch, layer)]);
  }

  /** Unpacks a Debian package, as dpkg would. */
  install(deb: string): void {
    run(['dpkg-deb', '-x', deb, this.root]);
  }

  write(path: string, text: string): void {
    mkdirSync(dirname(join(this.root, path)), { recursive: true });
    writeFileSync(join(this.root, path), text);
  }

  remove(...paths: readonly string[]): void {
    for (const path of paths) rmSync(join(this.root, path), { recursive: true, force: true });
  }

  /** Runs a program of the system; what it prints is one line of JSON. */
  ask(program: string, script: string, env: Readonly<Record<string, string>> = {}): Record<string, unknown> {
    this.write('/tmp/ask.py', script);
    const enter = ['unshare', '--user', '--map-root-user', '--pid', '--fork', '--mount'];
    // A program finds its bundle by /proc/self/exe.
    const start = 'mount -t proc proc "$1/proc" && exec chroot "$@"';
    const { PATH = '' } = process.env;
    const text = run([...enter, 'sh', '-c', start, 'sh', this.root, program, '/tmp/ask.py'], {
      PATH: `${PATH}:/usr/sbin:/sbin`,
      ...env,
    });
    return JSON.parse(text) as Record<string, unknown>;
  }

  #into(at: string, command: readonly string[]): void {
    const folder = join(this.root, at);
    mkdirSync(folder, { recursive: true });
    run([...command, '-C', folder]);
  }
}

function run(argv: readonly string[], env?: Record<string, string>): string {
  const [command = '', ...args] = argv;
  const done = spawnSync(command, args, { encoding: 'utf8', ...(env === undefined ? {} : { env }) });
  if (done.status !== 0) throw new Error(`${argv.join(' ')}: ${done.status ?? done.signal}\n${done.stderr}`);
  return done.stdout;
}
