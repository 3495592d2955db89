import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../../domain/context.ts';
import { ok, type Result } from '../../domain/result.ts';
import { shellWord } from '../../domain/shell.ts';
import type { Engine } from '../../engine/engine.ts';
import type { Store } from '../../store/store.ts';
import type { SourceBuildContext } from './build-context.ts';

/** Where a build sees the programs of this module. */
const FOLDER = '/job/fork-server';

/** Names of our sources, beside this file. */
const SOURCES = ['fork-server.c', 'fork-client.c', 'fork-server.h'] as const;
const SOURCES_AT = '/job/fork-server-sources';

const OUT = '/job/out';

/** A program of the toolchain that a build starts thousands of times, each time for some milliseconds of work. */
interface Served {
  /** Name of the client that stands for it. */
  readonly name: 'cc' | 'ld';
  /** Path of the program itself. */
  readonly program: string;
}

/** Clients of fork servers, and what makes servers of programs. */
export interface ForkServers {
  /** Folder of the store with them. */
  readonly folder: string;
  readonly served: readonly Served[];
}

/**
 * Clang and its linker load libraries of 200 MB with half a million relocations, which takes longer than most of what configure scripts have
 * them do. So each is started once in a build, with all its functions bound, and forks for each call: a quarter of the time. What is
 * built is the same to the byte, so this is in no key of it. Undefined where the toolchain cannot compile for its own machine: builds
 * do without.
 */
export async function forkServers(
  context: Context,
  store: Store,
  buildContext: SourceBuildContext,
): Promise<Result<ForkServers | undefined>> {
  const { tools, toolchain } = buildContext;
  const served: readonly Served[] = [
    { name: 'cc', program: `/usr/bin/${tools.cc ?? 'cc'}` },
    ...(tools.lld === undefined ? [] : [{ name: 'ld', program: `/usr/bin/ld.${tools.lld}` } as const]),
  ];
  const folder = join(context.settings.home, 'src', 'sysroot', 'source');
  const texts = await Promise.all(SOURCES.map((name) => readFile(join(folder, name), 'utf8')));
  const script = compileScript(served);
  const inputs = { what: 'fork-server', toolchain: toolchain.fingerprint, script, texts };
  const entry = await store.obtain<{ compiled: boolean }>(
    'trees',
    inputs,
    async (made) => {
      const engine = await buildContext.engine();
      return engine.ok ? compile(engine.value, { rootfs: toolchain.folder, folder, script, made }) : engine;
    },
    { signal: context.signal, local: true, reads: [] },
  );
  if (!entry.ok) return entry;
  return ok(entry.value.meta.compiled ? { folder: entry.value.folder, served } : undefined);
}

async function compile(
  engine: Engine,
  input: { readonly rootfs: string; readonly folder: string; readonly script: string; readonly made: string },
): Promise<Result<{ compiled: boolean }>> {
  const sandbox = await engine.open({
    rootfs: input.rootfs,
    network: 'none',
    mounts: [
      ...SOURCES.map((name) => ({
        ...{ kind: 'source' as const, source: join(input.folder, name), at: `${SOURCES_AT}/${name}` },
      })),
      { kind: 'scratch', at: OUT },
    ],
  });
  if (!sandbox.ok) return sandbox;
  await using box = sandbox.value;
  const ran = await box.run({
    argv: ['sh', '-c', input.script],
    env: { PATH: '/usr/bin:/bin', LANG: 'C.UTF-8' },
    cwd: OUT,
  });
  if (!ran.ok) return ran;
  if (ran.value.status !== 0) return ok({ compiled: false });
  const taken = await box.copyOut(`${OUT}/bin`, join(input.made, 'bin'));
  return taken.ok ? ok({ compiled: true }) : taken;
}

function compileScript(served: readonly Served[]): string {
  const clients = served.map(
    ({ name, program }) =>
      `cc -O2 -static -DPROGRAM='${JSON.stringify(program)}' -DADDRESS='${JSON.stringify(addressOf(name))}' ${SOURCES_AT}/fork-client.c -o bin/${name}\n`,
  );
  return `set -eu
mkdir bin
cc -O2 -fPIC -shared ${SOURCES_AT}/fork-server.c -o bin/preload.so
${clients.join('')}`;
}

/** Each command of a sandbox has a folder of its own there. */
function addressOf(name: Served['name']): string {
  return `/tmp/fork-server-${name}`;
}

export function forkServerMounts(servers: ForkServers | undefined) {
  return servers === undefined ? [] : [{ kind: 'tree', source: servers.folder, at: FOLDER } as const];
}

/** Path of what a build calls instead of the program of that name; undefined where that is not served. */
export function clientOf(servers: ForkServers | undefined, name: Served['name']): string | undefined {
  return servers?.served.some((one) => one.name === name) ? `${FOLDER}/bin/${name}` : undefined;
}

/** A file that stands for the client's program with `flags`, as `fork-client.c` reads it: no shell is started for it. */
export function clientScript(client: string, multiarch: string, flags: readonly string[]): string {
  return ['#!', client, ' @\n', ...[multiarch, ...flags].map((line) => `${line}\n`)].join('');
}

/** The part of a script that starts the servers, says at its end which ones served, and ends them: none holds its output open. */
export function serveScript({ served }: ForkServers): string {
  const starts = served.map(
    ({ name, program }) =>
      `FORK_SERVER=${addressOf(name)} LD_BIND_NOW=1 LD_PRELOAD=${FOLDER}/bin/preload.so ${shellWord(program)} > /dev/null 2>&1 &\nservers="$servers $!"\n`,
  );
  const sockets = served.map(({ name }) => addressOf(name)).join(' ');
  return `servers=
${starts.join('')}end_servers() {
  for socket in ${sockets}; do [ ! -S "$socket" ] || say "served by \${socket##*-}"; done
  kill $servers || :
}
trap end_servers EXIT
`;
}
