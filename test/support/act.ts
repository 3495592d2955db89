import { execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { freePort } from '../../src/bench/local-registry.ts';
import { REPOSITORY } from './cli.ts';
import { goTool } from './go-tools.ts';

/** A line of act's log. */
export interface ActLine {
  readonly job?: string;
  readonly step?: string;
  readonly msg: string;
  /** Workflow command that the line was taken for. */
  readonly command?: string;
  readonly kvPairs?: Readonly<Record<string, string>>;
  readonly name?: string;
  readonly arg?: string;
  readonly content?: string;
  readonly stage?: string;
  readonly stepResult?: string;
}

export interface ActRun {
  readonly status: number | null;
  readonly lines: readonly ActLine[];
  /** Everything that was printed. */
  readonly text: string;
}

/** A checkout as a job finds it, with the dependencies in place: what is ignored by git is not copied by act. */
export function checkout(folder: string): string {
  const place = join(folder, 'checkout');
  const left = ['node_modules', '.git', '.gitignore', '.provision', 'artifacts', 'test', 'docs'];
  for (const name of readdirSync(REPOSITORY).filter((one) => !left.includes(one))) {
    const filter = (path: string): boolean => !/\/(?:target|artifacts)$/.test(path);
    cpSync(join(REPOSITORY, name), join(place, name), { recursive: true, filter });
  }
  const modules = join(place, 'node_modules');
  mkdirSync(modules);
  for (const name of readdirSync(join(REPOSITORY, 'node_modules')).filter((one) => one !== '.provision'))
    symlinkSync(join(REPOSITORY, 'node_modules', name), join(modules, name));
  // As the launcher notes what it has installed: bringing it is a test of its own.
  const sum = execFileSync('cksum', {
    input: readFileSync(join(place, 'package-lock.json')),
    encoding: 'utf8',
  });
  writeFileSync(join(modules, '.provision'), `dev ${sum.trim()}\n`);
  return place;
}

/**
 * Runs a workflow of a checkout on this machine. `folder`: where act keeps what it makes: artifacts in `artifacts/`,
 * caches in `caches/`. No git host is asked: the actions that a job would fetch are those in test/fixtures/actions.
 */
export async function act(
  folder: string,
  repository: string,
  workflow: string,
  {
    event = 'workflow_dispatch',
    inputs = {},
    env = {},
    ref,
    secrets = {},
    programs,
  }: {
    readonly event?: string;
    readonly inputs?: Readonly<Record<string, string>>;
    readonly env?: Readonly<Record<string, string>>;
    /** What was pushed, e.g. `refs/tags/v1.2.3`. */
    readonly ref?: string;
    readonly secrets?: Readonly<Record<string, string>>;
    /** Folder of programs that jobs find first. */
    readonly programs?: string;
  },
): Promise<ActRun> {
  mkdirSync(folder, { recursive: true });
  const payload = join(folder, 'event.json');
  writeFileSync(payload, JSON.stringify({ inputs, ref }));
  const local = '127.0.0.1';
  const args = [
    ...[event, '--json', '--eventpath', payload, '--workflows', workflow],
    ...['--platform', 'ubuntu-24.04=-self-hosted', '--container-daemon-socket', '-'],
    ...['--artifact-server-path', join(folder, 'artifacts'), '--artifact-server-addr', local],
    ...['--artifact-server-port', String(await freePort())],
    ...['--cache-server-path', join(folder, 'caches'), '--cache-server-addr', local],
    ...['--action-cache-path', join(folder, 'actions')],
    ...standIns(repository).flatMap((one) => ['--local-repository', one]),
    ...Object.entries(env).flatMap(([name, value]) => ['--env', `${name}=${value}`]),
    ...Object.entries(secrets).flatMap(([name, value]) => ['--secret', `${name}=${value}`]),
  ];
  // act, and Node for the actions, by the PATH of the jobs.
  const path = [programs, dirname(process.execPath), process.env.PATH].filter(Boolean).join(':');
  const child = spawn(goTool('act'), args, { cwd: repository, env: { ...process.env, PATH: path } });
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  return { status, lines: text.split('\n').flatMap(parsed), text };
}

/** `owner/name@commit=folder` for every action that is named. */
function standIns(repository: string): readonly string[] {
  const workflows = join(repository, '.github', 'workflows');
  const files = [
    join(repository, 'action.yml'),
    ...readdirSync(workflows).map((name) => join(workflows, name)),
  ];
  const uses = files.flatMap((file) => [
    ...readFileSync(file, 'utf8').matchAll(/uses: (actions\/([\w-]+))[\w/-]*@([0-9a-f]{40})/g),
  ]);
  const all = uses
    // act does the checkout itself: it copies the folder.
    .filter(([, , name]) => name !== 'checkout')
    .map(
      ([, repo, name, commit]) =>
        `${repo}@${commit}=${join(REPOSITORY, 'test/fixtures/actions', name as string)}`,
    );
  return [...new Set(all)];
}

function parsed(line: string): readonly ActLine[] {
  try {
    return [JSON.parse(line) as ActLine];
  } catch {
    return [];
  }
}
