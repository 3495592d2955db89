import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
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

const REQUEST: ProgramRequest = {
  spec: {},
  command: { argv: ['sh', '-c', 'id -u; echo $$ >/dev/null && cat /proc/$$/comm; ls /dev/pts; touch /usr/x'] },
};

function refusal(script: string): Failure {
  const { failure, exit } = programBehind(bench, script, REQUEST);
  assert.ok(failure !== undefined, JSON.stringify(exit));
  assert.equal(failure.code, 'engine/namespaces-forbidden');
  return failure;
}

/** Without a capability the way without a user namespace is closed too. */
const POWERLESS = 'setpriv --no-new-privs --bounding-set=-all --inh-caps=-all --ambient-caps=-all --';

test('user namespaces forbidden by their limit: the cause and the command that lifts it', () => {
  const failure = refusal(
    `exec unshare --user --map-root-user -- sh -euc 'echo 0 >/proc/sys/user/max_user_namespaces; exec ${POWERLESS} "$@"' sh "$@"`,
  );
  assert.match(failure.why ?? '', /user\.max_user_namespaces = 0/);
  assert.match(failure.fix.join('\n'), /sysctl -w user\.max_user_namespaces=\d+/);
  assert.match(failure.fix.join('\n'), /docker/i);
  assert.match(failure.evidence?.join('\n') ?? '', /unshare.*No space left on device/);
});

test('another type of namespace forbidden by its limit', () => {
  const failure = refusal(confined('echo 0 >/proc/sys/user/max_net_namespaces'));
  assert.match(failure.why ?? '', /user\.max_net_namespaces = 0/);
  assert.match(failure.fix.join('\n'), /user\.max_net_namespaces=/);
});

test('refused without a setting that tells why, as in a chroot or under a filter', () => {
  const root = quoted(bench.make('everything'));
  const failure = refusal(
    `exec unshare --user --map-root-user --mount -- sh -euc 'mount --rbind / "$0"; exec chroot "$0" ${POWERLESS} "$@"' ${root} "$@"`,
  );
  assert.match(failure.evidence?.join('\n') ?? '', /Operation not permitted/);
  assert.match(failure.why ?? '', /.{20}/);
  assert.ok(failure.fix.length >= 2);
});

test('the inner user namespace forbidden: the engine works on, and says what it lacks', () => {
  const { info, exit } = programBehind(bench, confined('echo 2 >/proc/sys/user/max_user_namespaces'), REQUEST);
  assert.match(info?.detail ?? '', /power over the mounts/);
  assert.equal(exit?.stdout.split('\n')[1], 'sh', JSON.stringify(exit));
  assert.match(exit?.stderr ?? '', /Read-only file system/);
});

test('a masked /proc, as in a container: the outer one is used', () => {
  const { info, exit } = programBehind(bench, confined('mount --bind /dev/null /proc/version'), REQUEST);
  assert.match(info?.detail ?? '', /the machine's \/proc/);
  assert.deepEqual(exit?.stdout, '1234\nsh\nptmx\n', JSON.stringify(exit));
});

test('a masked /sys: the loopback stays down, and nothing else is lost', () => {
  const { info, exit } = programBehind(bench, confined('mount --bind /proc/version /sys/kernel/notes'), REQUEST);
  assert.match(info?.detail ?? '', /loopback down/);
  assert.deepEqual(exit?.stdout, '1234\nsh\nptmx\n', JSON.stringify(exit));
});

test('as root of a user namespace, as in a rootless container', () => {
  const { info, exit } = programBehind(bench, `exec unshare --user --map-root-user --mount -- "$@"`, REQUEST);
  assert.equal(info?.detail, 'as root');
  assert.match(exit?.stdout ?? '', /^0\nsh\n/, JSON.stringify(exit));
});

test('as root without the power to make namespaces, but for user namespaces', () => {
  const { info, exit } = programBehind(bench, `exec unshare --user --map-root-user -- ${POWERLESS} "$@"`, REQUEST);
  assert.equal(info?.detail, 'in a user namespace');
  assert.match(exit?.stdout ?? '', /^0\nsh\n/, JSON.stringify(exit));
});
