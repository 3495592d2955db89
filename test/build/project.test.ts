import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, realpathSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { explainHidden } from '../../src/build/sources/explain.ts';
import { copyProject, digestProject } from '../../src/build/sources/project.ts';
import { fillBuildView } from '../../src/build/view.ts';
import type { Context } from '../../src/domain/context.ts';
import type { OutsideFolder, Project, Resolved } from '../../src/domain/definitions.ts';
import type { BuildEnv } from '../../src/env/env.ts';
import type { Failure } from '../../src/failure.ts';
import { temporaryFolder } from '../support/cli.ts';
import { put } from '../support/crate.ts';
import { listTree } from '../support/seen.ts';

const FILES = {
  'ws/Cargo.toml': '[workspace]\n',
  'ws/app/src/main.rs': 'fn main() {}\n',
  'ws/app/samples/a.py': '1',
  'ws/provision.yaml': 'schema: 1\n',
  'ws/provision.x.lock': '{}',
  'dep/Cargo.toml': '[package]\n',
  'dep/src/lib.rs': '',
  'shared/Cargo.toml': '[workspace]\n',
  'shared/m/Cargo.toml': '[package]\n',
  'shared/never.rs': 'not seen',
};

interface Place {
  readonly place: string;
  readonly context: Context;
  readonly resolved: Resolved;
  readonly notices: string[];
}

function placeOf(t: TestContext, tests: object | undefined = undefined, cwd = 'ws/app'): Place {
  const place = realpathSync(temporaryFolder(t));
  put(place, FILES);
  const at = (folder: string, more: object = {}) => ({
    ...{ folder: join(place, folder), real: join(place, folder) },
    ...more,
  });
  const notices: string[] = [];
  const context = {
    settings: { cwd: join(place, cwd) },
    emit: ({ code }: { readonly code: string }) => notices.push(code),
  } as unknown as Context;
  const project = {
    ...{ root: join(place, 'ws'), folder: join(place, 'ws/app') },
    outside: [at('dep'), at('shared', { manifestOnly: true }), at('shared/m')],
  };
  const recipe = {
    ...{ name: 'x', file: join(place, 'ws/provision.yaml'), project, tests },
    samples: { paths: [join(place, 'ws/app/samples')] },
  };
  return { place, context, notices, resolved: { recipe } as unknown as Resolved };
}

async function digest({ context, resolved }: Place, logs?: string): Promise<string> {
  const sources = await digestProject(context, resolved, logs);
  assert.ok(sources.ok, JSON.stringify(sources));
  return sources.value.digest;
}

async function seen(t: TestContext, { context, resolved }: Place): Promise<readonly string[]> {
  const place = temporaryFolder(t);
  const to = { folder: join(place, 'p'), manifest: join(place, 'm') };
  assert.ok((await copyProject(context, resolved, to)).ok);
  return listTree(to.folder).flatMap(([path, what]) => (what.startsWith('file') ? [path] : []));
}

const WORKSPACE = ['ws/Cargo.toml', 'ws/app/src/main.rs'];
const OUTSIDE = ['dep/Cargo.toml', 'dep/src/lib.rs', 'shared/Cargo.toml', 'shared/m/Cargo.toml'];

test('a build sees the workspace and its dependencies, not the recipe, its lock and its samples', async (t) => {
  const project = placeOf(t);
  assert.deepEqual(await seen(t, project), [...OUTSIDE, ...WORKSPACE]);
  const before = await digest(project);
  put(project.place, { 'ws/provision.yaml': '2', 'ws/provision.x.lock': '2', 'ws/app/samples/b.py': '2' });
  put(project.place, {
    // Written for another target or machine.
    'ws/provision.llvm-arm64.lock': '{}',
    'ws/provision.other.python.lock': '{}',
    'shared/never.rs': '2',
    'ws/app/artifacts/x/anything': '2',
    'logs of/a/run/logs/x': '2',
  });
  assert.equal(await digest(project), before);
  for (const path of [...OUTSIDE, ...WORKSPACE]) {
    const earlier = await digest(project);
    put(project.place, { [path]: `changed ${path}` });
    assert.notEqual(await digest(project), earlier, path);
  }
});

test('files that only look like a lock of the recipe are sources', async (t) => {
  const project = placeOf(t);
  const own = ['ws/app/provision.x.lock', 'ws/other.x.lock', 'ws/provision.lock'];
  put(project.place, Object.fromEntries(own.map((path) => [path, '{}'])));
  const all = await seen(t, project);
  for (const path of own) assert.ok(all.includes(path), path);
});

test('samples are seen, and count, where tests of the crate may read them', async (t) => {
  const project = placeOf(t, { cargo: { args: [], harness: [] } });
  assert.ok((await seen(t, project)).includes('ws/app/samples/a.py'));
  const before = await digest(project);
  put(project.place, { 'ws/app/samples/a.py': '2' });
  assert.notEqual(await digest(project), before);
});

test('the artifacts of this run are left out wherever they go, also through a link', async (t) => {
  const project = placeOf(t);
  const before = await digest(project);
  const logs = join(project.place, 'ws/out/logs');
  put(project.place, { 'ws/out/logs/build.log': '', 'ws/out/app.tar.gz': '' });
  assert.equal(await digest(project, logs), before);
  symlinkSync(project.place, `${project.place}-link`);
  t.after(() => import('node:fs').then(({ rmSync }) => rmSync(`${project.place}-link`)));
  assert.equal(await digest(project, join(`${project.place}-link`, 'ws/out/logs')), before);
});

test('a link in place of a dependency is shown as the folder that it leads to', async (t) => {
  const project = placeOf(t);
  put(project.place, { 'far/away/Cargo.toml': '[package]\n', 'far/away/src/lib.rs': 'far' });
  mkdirSync(join(project.place, 'ws/vendor'));
  symlinkSync('../../far/away', join(project.place, 'ws/vendor/linked'));
  const linked = { folder: join(project.place, 'ws/vendor/linked'), real: join(project.place, 'far/away') };
  const before = await digest(project);
  assert.deepEqual(project.notices, ['build/link-outside']);
  (project.resolved.recipe.project.outside as OutsideFolder[]).push(linked);
  assert.notEqual(await digest(project), before);
  assert.deepEqual(project.notices, ['build/link-outside'], 'it leads nowhere outside any more');
  const paths = await seen(t, project);
  assert.ok(paths.includes('ws/vendor/linked/src/lib.rs') && !paths.some((path) => path.startsWith('far')));
});

test('a file or folder that may not be read is a failure that names it', async (t) => {
  const root = process.getuid?.() === 0;
  for (const name of ['ws/secret.rs', 'ws/closed']) {
    const project = placeOf(t);
    const path = join(project.place, name);
    if (name.endsWith('.rs')) writeFileSync(path, 'x');
    else mkdirSync(path);
    chmodSync(project.place, 0o755);
    chmodSync(path, 0);
    // Root reads everything.
    if (root) process.seteuid?.(65534);
    const sources = await digestProject(project.context, project.resolved);
    if (root) process.seteuid?.(0);
    assert.ok(!sources.ok);
    assert.equal(sources.error.code, 'build/sources-unreadable');
    assert.ok(sources.error.why?.includes(path), sources.error.why);
    chmodSync(path, 0o700);
  }
});

test('a project folder that is not there is a failure that names it', async (t) => {
  const project = placeOf(t);
  const { recipe } = project.resolved;
  const gone = { ...recipe, project: { ...recipe.project, root: '/nonexistent/crate' } };
  const sources = await digestProject(project.context, { ...project.resolved, recipe: gone });
  assert.equal(!sources.ok && sources.error.code, 'build/sources-unreadable');
  assert.match(!sources.ok ? (sources.error.why ?? '') : '', /\/nonexistent\/crate/);
});

test('files of the environment keep their time until their content changes; then all is built anew that needs it', async (t) => {
  const { context, resolved } = placeOf(t);
  const folder = temporaryFolder(t);
  const access = { env: {}, mounts: [], indexes: new Map<string, string>() };
  const cargo = { config: '[net]\n', ...access, fetching: () => access, names: {}, sources: [] };
  const fill = async (env: Partial<BuildEnv>): Promise<readonly number[]> => {
    const all = { variables: {}, pyo3Config: 'a', linked: { 'python-home.c': 'int x;' }, ...env } as BuildEnv;
    const view = await fillBuildView(context, folder, { resolved, env: all, cargo });
    assert.ok(view.ok);
    const names = ['env/pyo3-config.txt', 'env/cargo-config.toml', 'project/ws/app/src/main.rs'];
    await new Promise((done) => setTimeout(done, 20));
    return names.map((name) => statSync(join(folder, name)).mtimeMs);
  };
  const [config, registries, main] = await fill({});
  assert.deepEqual(await fill({}), [config, registries, main]);
  const other = await fill({ pyo3Config: 'b' });
  assert.ok((other[0] as number) > (config as number));
  assert.deepEqual(other.slice(1), [registries, main]);
  // It is linked by a name that cargo does not look behind.
  const linked = await fill({ pyo3Config: 'b', linked: { 'python-home.c': 'int y;' } });
  assert.ok((linked[2] as number) > (main as number));
  const again = { pyo3Config: 'b', linked: { 'python-home.c': 'int y;' } };
  assert.deepEqual((await fill(again))[2], linked[2]);
  const compiled = { objects: { 'python-home.c': '/x.o' }, compiler: ['cc', '-Os'] } as const;
  const optimized = await fill({ ...again, compiled });
  assert.ok((optimized[2] as number) > (linked[2] as number));
  assert.deepEqual((await fill({ ...again, compiled }))[2], optimized[2]);
});

test('Rust decides nothing but what is compiled; a licence may have any name', async (t) => {
  const project = placeOf(t);
  const others = async (): Promise<string> => {
    const sources = await digestProject(project.context, project.resolved);
    assert.ok(sources.ok);
    return sources.value.others;
  };
  const seen = new Set([await others()]);
  const isNew = async (files: Readonly<Record<string, string>>): Promise<boolean> => {
    put(project.place, files);
    const now = await others();
    return !seen.has(now) && seen.add(now) !== undefined;
  };
  assert.equal(await isNew({ 'ws/app/src/main.rs': 'fn main() { }\n', 'dep/src/more.rs': '' }), false);
  for (const name of [
    'ws/Cargo.toml',
    'dep/LICENSE',
    'dep/licence.rs',
    'ws/app/NOTICE.rs',
    'ws/app/data.txt',
  ])
    assert.equal(await isNew({ [name]: `# ${name}` }), true, name);
});

const FAILED: Failure = { code: 'build/failed', what: 'x', fix: ['Fix it.'] };

test('a failure names a file of this machine that is outside of the workspace', async (t) => {
  const place = temporaryFolder(t);
  put(place, { 'w/app/src/main.rs': '', 'shared/model.txt': '' });
  const project = { root: join(place, 'w'), folder: join(place, 'w/app') } as Project;
  const explain = (path: string): string =>
    explainHidden(FAILED, `couldn't read \`${path}\`: No such file or directory`, project, { hidden: [] })
      .fix[0] as string;
  for (const path of [
    'app/src/../../../shared/model.txt',
    'src/../../../shared/model.txt',
    '/job/shared/model.txt',
  ]) {
    assert.match(explain(path), /^`\.\.\/shared\/model\.txt` is outside of the workspace/, path);
  }
  assert.equal(explain('app/src/../../../shared/other.txt'), 'Fix it.');
});

test('so it does where a build sees crates beside the workspace as well', async (t) => {
  const place = temporaryFolder(t);
  put(place, { 'w/app/src/main.rs': '', 'shared/model.txt': '', 'crates/a/src/lib.rs': '' });
  const folder = join(place, 'crates/a');
  const project = {
    root: join(place, 'w'),
    folder: join(place, 'w/app'),
    outside: [{ folder, real: folder }],
  } as unknown as Project;
  const explain = (path: string): string =>
    explainHidden(FAILED, `couldn't read \`${path}\`: No such file or directory`, project, { hidden: [] })
      .fix[0] as string;
  for (const path of [
    'app/src/../../../shared/model.txt',
    '../../shared/model.txt',
    '/job/project/shared/model.txt',
  ])
    assert.match(explain(path), /^`\.\.\/shared\/model\.txt` is outside of the workspace/, path);
  for (const path of [
    '../crates/a/src/lib.rs',
    '../crates/a/src/none.rs',
    'app/src/main.rs',
    '../w/',
    '../crates/',
  ])
    assert.equal(explain(path), 'Fix it.', path);
});

test('a build script that looks for the network is told that a build has none', () => {
  const project = { root: '/w', folder: '/w/app' } as Project;
  const first = (output: string): string | undefined =>
    explainHidden(FAILED, output, project, { hidden: [] }).fix[0];
  const script = 'error: failed to run custom build command for `x v1.0.0`\n';
  for (const says of [
    'failed to lookup address information: Temporary failure in name resolution',
    'curl: (6) Could not resolve host: example.org',
    'error sending request: dns error',
  ]) {
    assert.match(first(script + says) as string, /on the network, which a build does not have/, says);
    assert.equal(first(says), 'Fix it.');
  }
});

test('a failure names what was looked for and is hidden, whichever way it is written, and nothing else', () => {
  const project = { root: '/w', folder: '/w/app' } as Project;
  const hidden = [
    { path: 'web/node_modules', why: 'it is the package folder of another tool' },
    { path: 'app/samples', why: 'it belongs to the samples of the recipe' },
    { path: '.git', why: 'of a repository only HEAD can be seen' },
  ];
  const explain = (output: string): string =>
    explainHidden(FAILED, output, project, { hidden }).fix.join('\n');
  const tried = [
    [
      `error: couldn't read \`app/src/../samples/a.py\`: No such file or directory (os error 2)`,
      'app/samples',
    ],
    [`error: couldn't read \`src/../samples/a.py\`: No such file or directory (os error 2)`, 'app/samples'],
    [`cannot open "/job/project/web/node_modules/x/y.js": not found`, 'web/node_modules'],
    ['No such file or directory: .git/logs/HEAD', '.git'],
  ] as const;
  for (const [output, path] of tried)
    assert.match(explain(output), new RegExp(`^\`${path}\` is not visible`));
  assert.match(
    explain('fatal: not a git repository (or any of the parent directories): .git'),
    /no history and no tags/,
  );
  assert.equal(explain('error: cannot find value `x` in this scope\n --> app/src/main.rs:1:1'), 'Fix it.');
  assert.equal(explain('warning: app/samples is big'), 'Fix it.');
});
