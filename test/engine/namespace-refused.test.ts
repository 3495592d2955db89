import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { machine } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { isProgramMachine } from '../../src/engine/instructions.ts';
import { magicOf, NO_MACHINE, registrationLine } from '../../src/engine/registration.ts';
import { starterProgram } from '../../src/engine/starter.ts';
import type { Failure } from '../../src/failure.ts';
import {
  type Bench,
  confined,
  makeBench,
  type ProgramRequest,
  programBehind,
  quoted,
  removeBench,
} from '../support/sandboxes.ts';

let bench: Bench;
before(async () => {
  bench = await makeBench();
});
after(() => removeBench(bench));

/** Covers a file of every mount of a type, as container engines do. */
function mask(type: 'proc' | 'sysfs', file: string): string {
  return confined(`
    grep ' - ${type} ' /proc/self/mountinfo | cut -d ' ' -f 5 | while read -r place; do
      mount --bind /dev/null "$place/${file}"
    done`);
}

/** Lets no program be started from a folder: mount(8), `noexec`. */
function withoutExecution(folder: string): string {
  const at = quoted(folder);
  return confined(`mount --bind ${at} ${at}; mount -o remount,bind,noexec ${at}`);
}

const REQUEST: ProgramRequest = {
  spec: {},
  command: {
    argv: ['sh', '-c', 'id -u; echo x >/dev/null && cat /proc/self/comm; ls /dev/pts; touch /usr/x'],
  },
};

function refusal(script: string): Failure {
  const { failure, exit } = programBehind(bench, script, REQUEST);
  assert.ok(failure !== undefined, JSON.stringify(exit));
  assert.equal(failure.code, 'engine/namespaces-forbidden');
  return failure;
}

/** As in a container: root without the capabilities to make namespaces, but for user namespaces. */
const POWERLESS = 'setpriv --bounding-set=-all,+setfcap --inh-caps=-all --ambient-caps=-all --';

/** Goes into nested user namespaces until two more are possible and three are not: the kernel allows about 32. */
const NESTED = `
export NEST='
  if unshare -Ur -- unshare -Ur -- unshare -Ur -- true 2>/dev/null; then exec unshare -Ur -- sh -euc "$NEST" sh "$@"; fi
  exec unshare --user --map-user=1234 --map-group=1234 -- "$@"'
exec sh -euc "$NEST" sh "$@"`;

test('user namespaces forbidden by their limit: the failure names the cause and the command that lifts it', () => {
  const failure = refusal(
    `exec unshare --user --map-root-user -- sh -euc 'echo 0 >/proc/sys/user/max_user_namespaces; exec ${POWERLESS} "$@"' sh "$@"`,
  );
  assert.match(failure.why ?? '', /user\.max_user_namespaces = 0/);
  assert.match(failure.fix.join('\n'), /sysctl -w user\.max_user_namespaces=\d+/);
  assert.match(failure.fix.join('\n'), /docker/i);
  assert.match(failure.evidence?.join('\n') ?? '', /unshare.*No space left on device/);
});

test('another type of namespace forbidden by its limit: the failure names the limit', () => {
  const failure = refusal(
    `exec unshare --user --map-root-user -- sh -euc 'echo 0 >/proc/sys/user/max_net_namespaces; exec ${POWERLESS} "$@"' sh "$@"`,
  );
  assert.match(failure.why ?? '', /user\.max_net_namespaces = 0/);
  assert.match(failure.fix.join('\n'), /user\.max_net_namespaces=/);
});

test('a limit that is used up somewhere above us: the failure says so', () => {
  const failure = refusal(confined('echo 0 >/proc/sys/user/max_net_namespaces'));
  assert.match(failure.why ?? '', /used up/);
});

test('refused without a setting that explains it, as in a chroot or under a filter: the failure has evidence and more than one fix', () => {
  const root = quoted(bench.make('everything'));
  const failure = refusal(
    `exec unshare --user --map-root-user --mount -- sh -euc 'mount --rbind / "$0"; exec chroot "$0" ${POWERLESS} "$@"' ${root} "$@"`,
  );
  assert.match(failure.evidence?.join('\n') ?? '', /Operation not permitted/);
  assert.match(failure.why ?? '', /.{20}/);
  assert.ok(failure.fix.length >= 2);
});

test('the inner user namespace forbidden: the engine works, and its detail states what it lacks', () => {
  const { info, exit } = programBehind(bench, NESTED, REQUEST);
  assert.match(info?.detail ?? '', /power over the mounts/);
  assert.equal(exit?.stdout.split('\n')[1], 'cat', JSON.stringify(exit));
  assert.match(exit?.stderr ?? '', /Read-only file system/);
});

test('a masked /proc, as in a container: the outer one is bound', () => {
  const { info, exit } = programBehind(bench, mask('proc', 'version'), REQUEST);
  assert.match(info?.detail ?? '', /the machine's \/proc/);
  assert.deepEqual(exit?.stdout, '1234\ncat\nptmx\n', JSON.stringify(exit));
});

test('a masked /sys, as in a container: nothing is lost where `ip` brings the loopback up', () => {
  const { info, exit } = programBehind(bench, mask('sysfs', 'kernel/notes'), {
    ...REQUEST,
    command: { argv: ['bash', '-c', 'echo >/dev/tcp/127.0.0.1/9'] },
  });
  const ip = ['/bin/ip', '/sbin/ip', '/usr/bin/ip', '/usr/sbin/ip'].some((path) => existsSync(path));
  assert.equal(/loopback down/.test(info?.detail ?? ''), !ip);
  assert.match(exit?.stderr ?? '', ip ? /refused/ : /unreachable/);
});

test('a masked /sys: nothing else is lost', () => {
  const { exit } = programBehind(bench, mask('sysfs', 'kernel/notes'), REQUEST);
  assert.deepEqual(exit?.stdout, '1234\ncat\nptmx\n', JSON.stringify(exit));
});

test('the engine works as root of a user namespace, as in a rootless container', () => {
  const { info, exit } = programBehind(bench, `exec unshare --user --map-root-user --mount -- "$@"`, REQUEST);
  assert.match(info?.detail ?? '', /^as root/);
  assert.match(exit?.stdout ?? '', /^0\ncat\n/, JSON.stringify(exit));
});

test('the engine works as root that may make user namespaces only', () => {
  const { info, exit } = programBehind(
    bench,
    `exec unshare --user --map-root-user -- ${POWERLESS} "$@"`,
    REQUEST,
  );
  assert.match(info?.detail ?? '', /^in a user namespace/);
  assert.match(exit?.stdout ?? '', /^0\ncat\n/, JSON.stringify(exit));
});

/** Refuses mounts as the filters of containers do. */
const FILTER = join(import.meta.dirname, '..', 'support', 'refuse-plain-mounts.py');

const EMULATED: ProgramRequest = {
  ...REQUEST,
  spec: { emulation: { launcher: ['/bin/sh'], elf: NO_MACHINE } },
};

test('an emulator that the kernel does not open: the sandbox has none, and the engine says why', () => {
  const { info, exit, emulation } = programBehind(bench, withoutExecution(bench.scratch), EMULATED);
  assert.match(info?.detail ?? '', /no emulation of its own/);
  assert.equal(exit?.stdout, '1234\ncat\nptmx\n', JSON.stringify(exit));
  assert.ok(emulation?.by === 'none', JSON.stringify(emulation));
  assert.match(emulation.why, /noexec/);
  assert.match(emulation.fix.join(), /--store/);
  assert.ok(emulation.evidence.length > 0);
});

test('binfmt_misc refused by a filter of system calls, as in a container: nothing else is lost', () => {
  const { info, exit, emulation } = programBehind(bench, `exec python3 ${quoted(FILTER)} "$@"`, EMULATED);
  assert.match(info?.detail ?? '', /no emulation of its own/);
  assert.match(exit?.stdout ?? '', /\ncat\nptmx\n$/, JSON.stringify(exit));
  assert.ok(emulation?.by === 'none', JSON.stringify(emulation));
  assert.match(emulation.why, /seccomp filter/);
  assert.match(emulation.fix.join(), /--security-opt/);
  assert.match(emulation.evidence.join(), /^mount: .*permission denied/);
});

test('binfmt_misc refused to an ordinary user where AppArmor restricts user namespaces: the engine names the setting and the profile', () => {
  // The setting of Ubuntu's kernels; what it refuses is refused by the filter here.
  const setting = 'apparmor_restrict_unprivileged_userns';
  const script = `exec unshare --user --map-root-user --mount -- sh -euc 'mount -t tmpfs none /proc/sys/kernel
    echo 1 >/proc/sys/kernel/${setting}
    exec unshare --user --map-user=1234 --map-group=1234 -- python3 "$0" "$@"' ${quoted(FILTER)} "$@"`;
  const { info, exit, emulation } = programBehind(bench, script, EMULATED);
  assert.match(info?.detail ?? '', /no emulation of its own/);
  assert.match(exit?.stdout ?? '', /\ncat\nptmx\n$/, JSON.stringify(exit));
  assert.ok(emulation?.by === 'none', JSON.stringify(emulation));
  assert.match(emulation.why, new RegExp(`AppArmor .*kernel\\.${setting} = 1`));
  const fixes = emulation.fix.join('\n');
  assert.match(fixes, new RegExp(`sysctl -w kernel\\.${setting}=0`));
  assert.match(fixes, /profile provision-unshare .*apparmor_parser -r/s);
  assert.match(emulation.evidence.join(), /^mount: .*permission denied/);
});

test("an emulator of the sandbox's own refused, and one registered by the machine: that one counts", (t) => {
  const own = machine();
  if (!isProgramMachine(own)) return t.skip(`there are no starters for ${own}`);
  const folder = bench.make('machine');
  writeFileSync(join(folder, 'starter'), starterProgram(own, ['/bin/sh', '-c', 'echo "$3" "$4"']), {
    mode: 0o755,
  });
  const program = Buffer.alloc(64);
  magicOf(NO_MACHINE).magic.copy(program);
  writeFileSync(join(folder, 'far'), program, { mode: 0o755 });
  // A user namespace around all stands for the machine.
  const register = `mkdir -p mounted; mount -t binfmt_misc none mounted; printf %s ${quoted(registrationLine('far', NO_MACHINE, 'starter'))} >mounted/register`;
  const script = `cd ${quoted(folder)}; exec unshare --user --map-root-user --mount -- sh -euc ${quoted(`${register}; exec python3 ${quoted(FILTER)} "$@"`)} sh "$@"`;
  const { exit, emulation } = programBehind(bench, script, {
    spec: { ...EMULATED.spec, mounts: [{ kind: 'source', source: folder, at: '/foreign' }] },
    command: { argv: ['sh', '-c', '/foreign/far one two'] },
  });
  assert.deepEqual(emulation, { by: 'host' });
  assert.equal(exit?.stdout, 'one two\n', JSON.stringify(exit));
});
