// Cures of what stops a run because of the machine that it is on: memory, disk, emulator. Each is provoked for real, done as it
// is printed, and gone.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmdirSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { env } from 'node:process';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { provision, SHARED_STORE, temporaryFolder } from '../support/cli.ts';
import { applyCure, blockersOf, curedCrate, recipe, runPrinted } from '../support/cured-crate.ts';
import { memoryLimit } from '../support/memory-limit.ts';

const MORE = env.PROVISION_TEST_ALL === '1' ? false : 'PROVISION_TEST_ALL=1 tries it';

const run = (cwd: string, more: Parameters<typeof provision>[1] = {}) =>
  provision(['run'], { cwd, store: SHARED_STORE, ...more });

/** A build script that holds memory, for seconds. */
const holds = (mebibytes: number) => `fn main() {
    let held = vec![1u8; ${mebibytes} << 20];
    std::thread::sleep(std::time::Duration::from_secs(4));
    assert!(held.iter().all(|one| *one == 1));
}
`;

test('out-of-memory: two jobs take more than there is, one does not', { skip: MORE }, async (t) => {
  const through = memoryLimit(t, 2000 << 20);
  if (through === undefined) return t.skip('no limit for the memory of several processes can be set here');
  const dependency = (name: string) => ({
    [`${name}/Cargo.toml`]: `[package]\nname = "${name}"\nversion = "0.1.0"\nedition = "2021"\n`,
    [`${name}/build.rs`]: holds(1200),
    [`${name}/src/lib.rs`]: '',
  });
  const locked = ['a', 'b'].map((name) => `[[package]]\nname = "${name}"\nversion = "0.1.0"\n`).join('\n');
  const folder = curedCrate(
    t,
    {
      ...dependency('a'),
      ...dependency('b'),
      'Cargo.lock': `version = 4\n\n${locked}\n[[package]]\nname = "cured"\nversion = "0.1.0"\ndependencies = [\n "a",\n "b",\n]\n`,
      'provision.yaml': recipe('aarch64'),
    },
    '[dependencies]\na = { path = "a" }\nb = { path = "b" }\n',
  );
  const blocked = await run(folder, { through, env: { PROVISION_JOBS: '2' } });
  assert.equal(blocked.status, 6, blocked.stdout + blocked.stderr);
  const [found] = blockersOf(folder, 'aarch64');
  assert.equal(found?.code, 'out-of-memory');
  assert.equal(found.cure, 'provision aarch64 --jobs 1');
  const cured = await runPrinted(found.cure, folder, { through, env: { PROVISION_JOBS: '2' } });
  assert.equal(cured.status, 0, cured.stdout + cured.stderr);
  assert.deepEqual(blockersOf(folder, 'aarch64'), []);
});

/** Writes over the emulator's own memory, as a fault of its own would, before a moment. */
const crashes = (until: number) => `use std::time::{Duration, UNIX_EPOCH};
fn main() {
    if UNIX_EPOCH + Duration::from_millis(${until}) < std::time::SystemTime::now() {
        return;
    }
    // The kernel's own answer: of /proc/self/maps qemu makes one of its own.
    let maps = std::fs::read_to_string(format!("/proc/self/task/{}/maps", std::process::id())).unwrap();
    for line in maps.lines().filter(|line| line.ends_with("[heap]")) {
        let range = line.split(' ').next().unwrap().split_once('-').unwrap();
        let [from, to] = [range.0, range.1].map(|one| usize::from_str_radix(one, 16).unwrap());
        unsafe { std::ptr::write_bytes(from as *mut u8, 0x41, to - from) };
    }
}
`;

test('qemu-crash: one that does not come again', { skip: MORE }, async (t) => {
  const source = 'src/main.rs';
  const folder = curedCrate(t, { [source]: crashes(0), 'provision.yaml': recipe('aarch64') });
  // The machine may be slow: until the crash was seen it is given more time.
  for (let seconds = 20; ; seconds *= 2) {
    const until = Date.now() + seconds * 1000;
    writeFileSync(join(folder, source), crashes(until));
    const blocked = await run(folder);
    if (blocked.status === 0 && seconds < 300) continue;
    assert.equal(blocked.status, 6, blocked.stdout + blocked.stderr);
    await sleep(Math.max(0, until - Date.now()));
    break;
  }
  const [found] = blockersOf(folder, 'aarch64');
  assert.equal(found?.code, 'qemu-crash');
  assert.equal(found.cure, 'provision aarch64');
  const cured = await runPrinted(found.cure, folder);
  assert.equal(cured.status, 0, cured.stdout + cured.stderr);
  assert.deepEqual(blockersOf(folder, 'aarch64'), []);
});

const TITLE = '# title: A call of Linux 5.16';

test('qemu-unsupported-syscall: the difference is declared by the sample', async (t) => {
  const folder = temporaryFolder(t, 'provision cure ü ');
  writeFileSync(
    join(folder, 'waits.py'),
    `# /// sample
${TITLE}
# ///
import ctypes
import errno

libc = ctypes.CDLL(None, use_errno=True)
# futex_waitv(2) of nothing.
libc.syscall(449, None, 0, 0, None, 0)
if ctypes.get_errno() == errno.ENOSYS:
    raise OSError(errno.ENOSYS, 'Function not implemented')
print('known')
`,
  );
  const tried = () =>
    provision(['run', 'aarch64', '--samples', 'waits.py'], { cwd: folder, store: SHARED_STORE });
  const blocked = await tried();
  assert.equal(blocked.status, 6, blocked.stdout + blocked.stderr);
  const [found] = blockersOf(folder, 'aarch64');
  assert.equal(found?.code, 'qemu-unsupported-syscall');
  assert.match(found.cure ?? '', /^# differs-on: aarch64: /);
  await applyCure(folder, `${TITLE}\n${found.cure}`, ['waits.py', TITLE]);
  const cured = await tried();
  assert.equal(cured.status, 0, cured.stdout + cured.stderr);
  assert.deepEqual(blockersOf(folder, 'aarch64'), []);
});

/** The recipe of this machine, whose std every Rust has. */
const HERE = { x64: 'x86_64', arm64: 'aarch64' }[process.arch as string];

function withoutProbe(): string | false {
  if (process.getuid?.() !== 0) return 'mounting a file system needs root';
  if (HERE === undefined) return 'no recipe is for this machine';
  return spawnSync('cargo', ['--version']).status === 0 ? false : 'cargo is not on PATH';
}

test('no-space: what the store has not used for a month makes room', { skip: withoutProbe() }, async (t) => {
  const folder = curedCrate(t, { 'provision.yaml': recipe(HERE as string) });
  const store = mkdtempSync(join(tmpdir(), 'provision-test-'));
  assert.equal(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', store]).status, 0);
  t.after(() => {
    assert.equal(spawnSync('umount', [store]).status, 0);
    rmdirSync(store);
  });
  // As a build of two months ago has left it.
  const old = join(store, 'builds', 'a'.repeat(64));
  mkdirSync(join(old, 'root'), { recursive: true });
  writeFileSync(join(old, 'root', 'program'), Buffer.alloc(15 << 20));
  writeFileSync(join(old, 'entry.json'), '{}');
  const then = Date.now() / 1000 - 60 * 24 * 3600;
  utimesSync(join(old, 'entry.json'), then, then);
  const probe = async () => {
    const probed = await provision(['probe', '--rust', 'path', '--json'], { cwd: folder, store });
    assert.equal(probed.status, 0, probed.stdout + probed.stderr);
    return (JSON.parse(probed.stdout) as { readonly blockers: ReturnType<typeof blockersOf> }).blockers;
  };
  const [found] = await probe();
  assert.equal(found?.code, 'no-space');
  assert.equal(found.cure, 'provision clean');
  const cleaned = await runPrinted(found.cure, folder, { store });
  assert.equal(cleaned.status, 0, cleaned.stderr);
  assert.deepEqual(await probe(), []);
});
