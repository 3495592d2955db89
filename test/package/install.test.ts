// The package as a user gets it: packed, installed by npm into a prefix of its own, run from another folder.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  symlinkSync,
} from 'node:fs';
import { join, relative } from 'node:path';
import { test } from 'node:test';
import { listRecipes } from '../../src/recipe/list.ts';
import { REPOSITORY, temporaryFolder } from '../support/cli.ts';
import { PROGRAM, put } from '../support/crate.ts';
import { npmEnvironment, npmPack, npmUserConfiguration } from '../support/npm-package.ts';
import { asOrdinaryUser, type OrdinaryUser } from '../support/ordinary-user.ts';

const MANIFEST = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8')) as Readonly<
  Record<string, unknown>
>;
const VERSION = MANIFEST.version as string;

test('the package can be published: a public name that is not another project’s, with provenance', () => {
  assert.equal(MANIFEST.private, undefined);
  assert.notEqual(MANIFEST.name, 'provision');
  assert.deepEqual(MANIFEST.publishConfig, { access: 'public', provenance: true });
  // The command keeps its name, and no registry is named: the client's own is used.
  assert.deepEqual(MANIFEST.bin, { provision: 'dist/bin.js' });
});

test('every script of package.json goes through the launcher, with an option that the tests know', () => {
  const scripts = MANIFEST.scripts as Readonly<Record<string, string>>;
  assert.deepEqual(Object.keys(scripts).sort(), ['lint', 'prepack', 'test', 'test:unit', 'typecheck']);
  for (const name of ['lint', 'test', 'test:unit', 'typecheck'])
    assert.match(
      scripts[name] as string,
      /^sh \.\/provision --run-tests(?: --(?:lint|typecheck|unit))?$/,
      name,
    );
  const { status, stderr } = spawnSync(process.execPath, [join(REPOSITORY, 'test', 'run.ts'), '--nothing'], {
    encoding: 'utf8',
  });
  assert.equal(status, 2);
  assert.match(stderr, /Unknown: --nothing\. There are --lint, --typecheck, --unit, --e2e\./);
});

test('the packed package, installed by an ordinary user into a fresh prefix, works from any folder', async (t) => {
  const user = asOrdinaryUser(t);
  if (user === undefined) return t.skip('an ordinary user cannot read this checkout');
  const made = npmPack(temporaryFolder(t));
  const tarball = join(user.folder, 'provision.tgz');
  copyFileSync(made, tarball);
  chmodSync(tarball, 0o644);
  const files = execFileSync('tar', ['-tzf', tarball], { encoding: 'utf8' }).split('\n');
  await t.test('the archive has the program, the documents and all data, and nothing else', () =>
    checkFiles(files),
  );

  const prefix = join(user.folder, 'the prefix');
  const env = environmentOf(user);
  install(user, env, ['install', '--global', '--prefix', prefix, '--no-audit', '--no-fund', tarball]);
  const provision = (args: readonly string[], cwd = '/'): string => {
    const script = `cd '${cwd}' && exec '${join(prefix, 'bin', 'provision')}' "$@"`;
    return user.execute('/bin/sh', ['-c', script, 'sh', ...args], env);
  };

  await t.test('the installed program starts, and finds its definitions and locks', async () => {
    assert.equal(provision(['--version']), `provision ${VERSION}\n`);
    assert.match(provision(['--help']), /provision <recipe>/);
    const shipped = await listRecipes(REPOSITORY);
    assert.ok(shipped.ok && shipped.value.length > 9);
    const listed = JSON.parse(provision(['list', '--json'])) as { name: string }[];
    assert.deepEqual(listed, shipped.value);
    // Reads every definition, every lock and the shipped program with its samples.
    for (const { name } of listed) assert.match(provision(['plan', name]), /^ *\d+\. report/m);
    assert.match(provision(['lock', '--frozen']), /locks fit their definitions/);
  });

  await t.test('the installed program plans a crate of the user, and writes its recipe', () => {
    const crate = join(user.folder, 'my crate ü');
    put(crate, PROGRAM);
    for (const path of [crate, join(crate, 'src')]) chownSync(path, user.uid, user.uid);
    const plan = JSON.parse(provision(['plan', 'aarch64', '--project', '.', '--json'], crate)) as {
      recipe: { project: { folder: string } };
    };
    assert.equal(plan.recipe.project.folder, realpathSync(crate));
    provision(['init', '--yes'], crate);
    assert.match(provision(['plan'], join(crate, 'src')), /^recipe +\.\.\/provision\.yaml|provision\.yaml/m);
    assert.match(readFileSync(join(crate, 'provision.yaml'), 'utf8'), /^extends: \w+$/m);
  });
});

function checkFiles(files: readonly string[]): void {
  const has = (name: string): boolean => files.includes(`package/${name}`);
  for (const name of ['dist/bin.js', 'dist/program/cli.cjs', 'dist/program/unpack-worker.cjs', ...DOCUMENTS])
    assert.ok(has(name), name);
  // All data folders of the repository.
  const data = [
    ...DATA_FOLDERS.flatMap((folder) => filesBelow(folder)),
    ...filesBelow('src').filter((name) => !name.endsWith('.ts')),
  ];
  assert.ok(data.length > 100, `${data.length} files of data`);
  for (const name of data) assert.ok(has(name), `${name} is left out`);
  const wrong = files.filter((name) =>
    /^package\/(test|\.ci|\.github)\/|\.ts$|\/target\/|\.provision/.test(name),
  );
  assert.deepEqual(wrong, []);
}

const DOCUMENTS = ['README.md', 'CHANGELOG.md', 'LICENSE', 'docs/aarch64.svg', 'docs/samples.md'];

/** Folders of the checkout that are not data; of `runner` what a build needs is checked by itself. */
const NOT_DATA = /^(?:\..*|artifacts|coverage|dist|docs|node_modules|runner|src|test)$/;

const DATA_FOLDERS = [
  ...readdirSync(REPOSITORY, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !NOT_DATA.test(entry.name))
    .map(({ name }) => name),
  ...['runner/bench', 'runner/samples', 'runner/src'],
];

function filesBelow(folder: string): readonly string[] {
  return readdirSync(join(REPOSITORY, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.includes('__pycache__'))
    .map((entry) => relative(REPOSITORY, join(entry.parentPath, entry.name)));
}

/** The npm configuration of this machine, for a user who cannot read that of the current user. */
function environmentOf(user: OrdinaryUser): Record<string, string> {
  const configuration = npmUserConfiguration();
  if (configuration !== undefined) {
    const copy = join(user.folder, '.npmrc');
    copyFileSync(configuration, copy);
    chmodSync(copy, 0o600);
    chownSync(copy, user.uid, user.uid);
  }
  const bin = join(user.folder, 'bin');
  mkdirSync(bin);
  symlinkSync(user.node, join(bin, 'node'));
  const travels = /^(https?_proxy|no_proxy|all_proxy|SSL_CERT_FILE)$/i;
  return {
    ...npmEnvironment(),
    ...(Object.fromEntries(Object.entries(process.env).filter(([name]) => travels.test(name))) as Record<
      string,
      string
    >),
    HOME: user.folder,
    PATH: `${bin}:/usr/local/bin:/usr/bin:/bin`,
    npm_config_update_notifier: 'false',
  };
}

/** npm in the Node that the tests run in; a distribution's npm may need the distribution's own Node. */
function install(user: OrdinaryUser, env: Record<string, string>, args: readonly string[]): void {
  const program = realpathSync(
    execFileSync('/bin/sh', ['-c', 'command -v npm'], { encoding: 'utf8' }).trim(),
  );
  try {
    user.execute(user.node, [program, '--version'], env);
    user.execute(user.node, [program, ...args], env);
  } catch (error) {
    if (existsSync(join(user.folder, 'the prefix', 'bin', 'provision'))) throw error;
    user.execute('npm', args, { ...env, PATH: '/usr/local/bin:/usr/bin:/bin' });
  }
}
