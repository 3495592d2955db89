// What is written to binfmt_misc, for every target that is emulated, and what the kernel reads in it.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { machine } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { err, ok } from '../../src/domain/result.ts';
import { oncePerKind } from '../../src/engine/emulation.ts';
import { isProgramMachine } from '../../src/engine/instructions.ts';
import { registrarProgram } from '../../src/engine/registrar.ts';
import { magicOf, NO_MACHINE, registrationLine } from '../../src/engine/registration.ts';
import { starterProgram } from '../../src/engine/starter.ts';
import { loadTargets } from '../../src/recipe/targets.ts';
import { REPOSITORY, temporaryFolder } from '../support/cli.ts';

const MOUNT = 'mount -t binfmt_misc none "$1"';
const inNamespace = (script: string, ...words: string[]) =>
  spawnSync('unshare', ['--user', '--map-root-user', '--mount', 'sh', '-ec', script, 'sh', ...words], {
    encoding: 'utf8',
  });

/** Whether the kernel has registrations for each user namespace: Linux 6.7. */
function registers(folder: string): boolean {
  return inNamespace(MOUNT, folder).status === 0;
}

/** Debian's `qemu-user-binfmt`, magic and mask of `/usr/lib/binfmt.d/qemu-<name>.conf`. */
const DEBIAN: Readonly<Record<string, string>> = {
  aarch64: '7f454c460201010000000000000000000200b700 ffffffffffffff00fffffffffffffffffeffffff',
  armv7: '7f454c4601010100000000000000000002002800 ffffffffffffff00fffffffffffffffffeffffff',
  riscv64: '7f454c460201010000000000000000000200f300 ffffffffffffff00fffffffffffffffffeffffff',
  s390x: '7f454c4602020100000000000000000000020016 ffffffffffffff00fffffffffffffffffffeffff',
};

test('each emulated target has a line of its own, that the kernel reads as it is meant', async (t) => {
  const folder = temporaryFolder(t);
  const targets = await loadTargets(REPOSITORY);
  assert.ok(targets.ok);
  const emulated = targets.value.map(({ value }) => value).filter(({ emulator }) => emulator !== undefined);
  assert.ok(emulated.length >= 6);
  const kernel = registers(folder);
  for (const value of emulated) {
    const { name, elf, pointerWidth, endianness } = value;
    assert.ok(elf !== undefined, name);
    const kind = { pointerWidth, endianness, number: elf.number };
    const { magic, mask } = magicOf(kind);
    const shown = `${magic.toString('hex')} ${mask.toString('hex')}`;
    if (DEBIAN[name] !== undefined) assert.equal(shown, DEBIAN[name], name);
    // What a kernel starts itself is not registered with it: `cat` would be started by an emulator.
    if (!kernel || value.machine === machine()) continue;
    const read = inNamespace(
      `${MOUNT}; cd /bin; printf %s "$2" >"$1/register"; cat "$1/${name}"`,
      folder,
      registrationLine(name, kind, 'true'),
    );
    assert.equal(
      read.stdout,
      `enabled\ninterpreter true\nflags: PF\noffset 0\nmagic ${magic.toString('hex')}\nmask ${mask.toString('hex')}\n`,
      read.stderr,
    );
  }
});

test('a starter puts the options, the own name and the path of a program before its arguments', (t) => {
  const own = machine();
  if (!isProgramMachine(own)) return t.skip(`there are none for ${own}`);
  const folder = temporaryFolder(t);
  const starter = join(folder, 'starter');
  const script = 'printf "<%s>" "$@"; echo " $MODE"';
  writeFileSync(starter, starterProgram(own, ['/bin/sh', '-c', script, 'x', '-cpu', 'a b,c=d']), {
    mode: 0o755,
  });
  const started = (...words: string[]) =>
    execFileSync(starter, words, { encoding: 'utf8', env: { MODE: 'é' } });
  assert.equal(
    started('/the/path', 'own name', 'one', '', 'two words'),
    '<-cpu><a b,c=d><-0><own name></the/path><one><><two words> é\n',
  );
  assert.equal(started('/the/path', 'own'), '<-cpu><a b,c=d><-0><own></the/path> é\n');
  writeFileSync(starter, starterProgram(own, ['/no/emulator']), { mode: 0o755 });
  assert.equal(spawnSync(starter, ['/the/path', 'own']).status, 127);
});

test('a registrar registers for itself alone, keeps the ids, and becomes the program; or it says what was refused', (t) => {
  const own = machine();
  const folder = temporaryFolder(t);
  if (!isProgramMachine(own) || !registers(folder))
    return t.skip('needs registrations of each user namespace');
  const [starter, registrar, far] = ['starter', 'registrar', 'far'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
  const bytes = Buffer.alloc(64);
  magicOf(NO_MACHINE).magic.copy(bytes);
  writeFileSync(far, bytes, { mode: 0o755 });
  writeFileSync(starter, starterProgram(own, ['/bin/echo', 'emulated']), { mode: 0o755 });
  const line = registrationLine('far', NO_MACHINE, starter);
  writeFileSync(registrar, registrarProgram(own, { line, uid, gid }), { mode: 0o755 });
  const run = (...words: string[]) => spawnSync(registrar, words, { encoding: 'utf8' });
  const shown = run('/bin/sh', '-c', `id -u; id -g; "$1" a`, 'sh', far);
  assert.equal(shown.stdout, `${uid}\n${gid}\nemulated -0 ${far} ${far} a\n`, shown.stderr);
  assert.equal(spawnSync('/bin/sh', ['-c', '"$0"', far]).status, 126, 'nothing is registered outside');
  assert.deepEqual(
    [run('/nowhere').status, run('/nowhere').stderr],
    [127, 'provision: emulator not registered: program\n'],
  );
  writeFileSync(registrar, registrarProgram(own, { line: 'nonsense', uid, gid }), { mode: 0o755 });
  assert.equal(run('/bin/true').stderr, 'provision: emulator not registered: register\n');
});

test('an engine is asked once for each kind of programs, and again where it failed', async () => {
  let asked = 0;
  const ask = oncePerKind(async (elf) => {
    asked += 1;
    return elf.number === 2 && asked === 2
      ? err({ code: 'engine/sandbox-failed', what: 'It failed.', fix: [] })
      : ok({ by: 'sandbox' });
  });
  const kind = (number: number) => ({ ...NO_MACHINE, number });
  const all = await Promise.all([ask(kind(1)), ask(kind(1)), ask({ ...kind(1), endianness: 'little' })]);
  assert.deepEqual([all.map((one) => one.ok), asked], [[true, true, true], 1]);
  assert.deepEqual(
    [(await ask(kind(2))).ok, (await ask(kind(2))).ok, (await ask(kind(2))).ok, asked],
    [false, true, true, 3],
  );
});
