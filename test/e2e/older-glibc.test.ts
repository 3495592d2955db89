// Programs for a glibc that is older than any which is packaged: the C library stands for an earlier release of itself.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { machine } from 'node:os';
import { join } from 'node:path';
import { env } from 'node:process';
import { type TestContext, test } from 'node:test';
import { readElf, readWantedSymbols } from '../../src/bundle/elf.ts';
import { minimumGlibc } from '../../src/bundle/glibc-version.ts';
import { distribution } from '../../src/distro/distribution.ts';
import type { Result } from '../../src/domain/result.ts';
import { PATHS } from '../../src/engine/paths.ts';
import { fetchPackages } from '../../src/fetch/fetch.ts';
import { withSession } from '../../src/pipeline/session.ts';
import { orders } from '../../src/pipeline/tree-orders.ts';
import { readLocks } from '../../src/pipeline/trees.ts';
import { resolveRecipe } from '../../src/recipe/recipe.ts';
import { makeTree, type Tree } from '../../src/toolchain/tree.ts';
import { provision, REPOSITORY, SHARED_STORE, temporaryFolder } from '../support/cli.ts';
import { testContext } from '../support/context.ts';
import { put } from '../support/crate.ts';
import { runsWhole } from '../support/runs-whole.ts';

const skip = env.PROVISION_TEST_ALL === '1' ? false : 'PROVISION_TEST_ALL=1 builds CPython for it';

const CRATE = {
  'Cargo.toml': '[package]\nname = "older"\nversion = "0.1.0"\nedition = "2021"\n',
  'Cargo.lock': 'version = 4\n\n[[package]]\nname = "older"\nversion = "0.1.0"\n',
};

/** Calls what got a newer version, another name or another library since. */
const OLD = `#define _GNU_SOURCE
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#if __GLIBC_PREREQ(2, 18)
#error the headers are of a newer release
#endif
static void *go(void *x) { return x; }
int main(int count, char **words) {
  struct stat found;
  struct timespec now;
  pthread_t thread;
  if (pthread_create(&thread, 0, go, 0) || pthread_join(thread, 0)) return 1;
  if (stat("/", &found) || clock_gettime(CLOCK_MONOTONIC, &now) || fcntl(1, F_GETFL) < 0) return 2;
  printf("%.4f\\n", pow(count, 0.5) + exp(count - 1) + log(count) + expf(count - 1));
  return words[count] != 0;
}
`;

const RUST = `use std::collections::HashMap;

fn main() {
    let words = HashMap::from([(1, "one")]);
    let failed = std::thread::spawn(move || assert_eq!(words[&1], "two")).join().is_err();
    let copied = std::fs::copy("/proc/self/cmdline", "/tmp/copy").is_ok();
    println!("{failed} {copied} {:?}", std::net::TcpListener::bind("127.0.0.1:0").is_ok());
}
`;

/** As sources do that declare what they call: the headers do not. */
const NEW = `long getrandom(void *, unsigned long, unsigned);
int memfd_create(const char *, unsigned);
int gettid(void);
int main(void) { char byte; return getrandom(&byte, 1, 0) + memfd_create("a", 0) + gettid(); }
`;

test('C and Rust link with nothing that glibc got after 2.17, and run with the same libraries', async (t) => {
  const folder = temporaryFolder(t, 'provision older ü ');
  const sources = join(folder, 'sources');
  put(folder, { ...CRATE, 'src/main.rs': 'fn main() {}\n' });
  put(sources, { 'old.c': OLD, 'new.c': NEW, 'rust.rs': RUST });
  writeFileSync(join(folder, 'provision.yaml'), 'schema: 1\nextends: aarch64\nglibc: "2.17"\n');
  const context = testContext({ home: REPOSITORY, store: SHARED_STORE, cwd: folder });
  const resolved = valued(
    await resolveRecipe({ home: REPOSITORY, cwd: folder, machine: machine() }, undefined),
  );
  const locks = valued(await readLocks(resolved));
  valued(
    await withSession(context, [], async ({ store, engine }) => {
      const made = async (key: 'toolchain' | 'sysroot'): Promise<Tree> => {
        const order = orders(resolved, locks).find((one) => one.key === key);
        assert.ok(order !== undefined);
        const mirrors = await distribution.locate(context, [order.lock?.resolved ?? '']);
        const files = () => fetchPackages(context, store, order.packages, mirrors, { stage: order.stage });
        return valued(await makeTree(context, store, { ...order, files }));
      };
      const [toolchain, sysroot] = [await made('toolchain'), await made('sysroot')];
      const opened = await valued(await engine()).open({
        rootfs: toolchain.folder,
        network: 'none',
        mounts: [
          { kind: 'tree', source: sysroot.folder, at: PATHS.sysroot },
          { kind: 'source', source: sources, at: '/job/sources' },
          { kind: 'scratch', at: '/job/out' },
        ],
      });
      await using box = valued(opened);
      const run = async (argv: readonly [string, ...string[]]) => {
        const variables = { PATH: '/usr/bin:/bin', LC_ALL: 'C.UTF-8' };
        const exit = valued(await box.run({ argv, env: variables, cwd: '/job/out' }));
        return { ...exit, text: Buffer.concat([exit.stdout, exit.stderr]).toString() };
      };
      const cc = ['--target=aarch64-linux-gnu', '-fuse-ld=lld-19', `--sysroot=${PATHS.sysroot}`] as const;
      const link = cc.map((argument) => `-Clink-arg=${argument}`);
      const emulator = ['qemu-aarch64', '-L', PATHS.sysroot] as const;
      const built = async (name: string, ...argv: readonly [string, ...string[]]): Promise<string> => {
        const compiled = await run(argv);
        assert.equal(compiled.status, 0, compiled.text);
        valued(await box.copyOut(`/job/out/${name}`, join(folder, name)));
        const elf = await readElf(join(folder, name));
        assert.ok(elf !== undefined);
        assert.equal(minimumGlibc(new Map([[name, elf]]))?.version, '2.17');
        // The sysroot's own C library, in which the rest is only hidden, runs it.
        const exit = await run([...emulator, `/job/out/${name}`]);
        assert.equal(exit.status, 0, exit.text);
        return exit.text;
      };
      const c = ['-D_FILE_OFFSET_BITS=64', '/job/sources/old.c', '-o', 'old', '-lm', '-lpthread'] as const;
      assert.equal(await built('old', 'clang-19', ...cc, ...c), '3.0000\n');
      const wanted = await readWantedSymbols(join(folder, 'old'));
      const names = [...(wanted ?? [])].flatMap(([, symbols]) => symbols);
      for (const name of ['exp', 'expf', 'fcntl', 'pow']) assert.ok(names.includes(name), name);
      const std = ['--target=aarch64-unknown-linux-gnu', `--sysroot=${PATHS.sysroot}/usr`] as const;
      const rust = [
        '--edition=2021',
        '-Clinker=clang-19',
        ...link,
        '/job/sources/rust.rs',
        '-orust',
      ] as const;
      assert.match(await built('rust', 'rustc', ...std, ...rust), /^true true true$/m);
      const refused = await run(['clang-19', ...cc, '/job/sources/new.c', '-o', 'new']);
      assert.notEqual(refused.status, 0);
      for (const name of ['getrandom', 'memfd_create', 'gettid'])
        assert.match(refused.text, new RegExp(`undefined symbol: ${name}\\b`));
      return { ok: true, value: undefined };
    }),
  );
});

function valued<T>(result: Result<T>): T {
  assert.ok(result.ok, JSON.stringify(result));
  return result.value;
}

for (const target of ['x86_64', 'aarch64'] as const)
  test(`CPython, its libraries and the program for ${target} need glibc 2.17, and the samples are equal`, {
    skip,
  }, async (t) => {
    const folder = temporaryFolder(t);
    const { inspected } = await runsWhole(folder, target, 'glibc: "2.17"\n');
    assert.equal(inspected.libc.floor, '2.17');
    await newerFunction(t, target);
  });

/** With the same CPython: a crate whose C code calls what came later, and the cure that is printed. */
async function newerFunction(t: TestContext, target: string): Promise<void> {
  const folder = temporaryFolder(t, 'provision newer ü ');
  const recipe = (glibc: string) =>
    `schema: 1\nextends: ${target}\nglibc: "${glibc}"\nproject: {profile: dev}\ntests: {commands: [{name: starts}]}\n`;
  put(folder, {
    ...CRATE,
    'src/main.rs':
      'unsafe extern "C" {\n    fn gettid() -> i32;\n}\nfn main() {\n    assert!(unsafe { gettid() } > 0);\n}\n',
    'provision.yaml': recipe('2.17'),
  });
  const refused = await provision(['run'], { cwd: folder, store: SHARED_STORE });
  assert.equal(refused.status, 6, refused.stdout + refused.stderr);
  const text = refused.stderr.replaceAll(/\s+/g, ' ');
  assert.match(text, /error\[build\/glibc-too-new\]: .* glibc 2\.17, does not have: gettid \(glibc 2\.30\)/);
  assert.match(text, /write `glibc: "2\.30"`/);
  writeFileSync(join(folder, 'provision.yaml'), recipe('2.30'));
  const allowed = await provision(['run'], { cwd: folder, store: SHARED_STORE });
  assert.equal(allowed.status, 0, allowed.stdout + allowed.stderr);
}
