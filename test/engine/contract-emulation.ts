// Programs of another machine, started by programs of a sandbox.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Emulation, EmulationSupport } from '../../src/engine/emulation.ts';
import type { SandboxSpec } from '../../src/engine/engine.ts';
import { magicOf, NO_MACHINE } from '../../src/engine/registration.ts';
import type { EngineBench } from '../support/sandboxes.ts';
import { openBox, shell, value } from '../support/sandboxes.ts';

/** Prints what it is started with, and starts what follows an argument `start`. */
const SCRIPT = `printf '<%s>' "$@"; echo; shift 3; [ "\${1-}" != start ] || { shift; exec "$@"; }; exit 7`;

/** In place of an emulator a shell: what the kernel and we do before it is all the same. */
const EMULATION: Emulation = { launcher: ['/bin/sh', '-c', SCRIPT, 'emulator'], elf: NO_MACHINE };

export function emulationContract(current: () => EngineBench): void {
  let prepared: Promise<{ support: EmulationSupport; programs: string }> | undefined;
  const prepare = async () => {
    const support = value(await current().engine.emulation(NO_MACHINE));
    const programs = current().make('foreign');
    writeFileSync(join(programs, 'far'), foreignProgram(), { mode: 0o755 });
    writeFileSync(join(programs, 'script'), '#!/foreign/far\n', { mode: 0o755 });
    return { support, programs };
  };
  const ready = () => {
    prepared ??= prepare();
    return prepared;
  };

  const plain = (programs: string): Partial<SandboxSpec> => ({
    mounts: [{ kind: 'source', source: programs, at: '/foreign' }],
  });
  const spec = (programs: string) => ({ ...plain(programs), emulation: EMULATION });

  test('a program of another machine starts through its emulator, or the engine knows why not', async (t) => {
    const { support, programs } = await ready();
    const box = await openBox(t, current(), spec(programs));
    const { stdout, stderr, status } = await shell(box, `/foreign/far one 'two words' ''; echo $?`);
    if (support.by === 'none') {
      assert.match(stderr, /xec format error/);
      assert.equal(stdout, '126\n');
      assert.match(support.why, /^[A-Z].{20,}\.$/);
      return;
    }
    assert.deepEqual(
      { stdout, stderr, status },
      {
        stdout: '<-0></foreign/far></foreign/far><one><two words><>\n7\n',
        stderr: '',
        status: 0,
      },
    );
  });

  test('it keeps its own name, finds its own file, and starts others; scripts start it, too', async (t) => {
    const { support, programs } = await ready();
    if (support.by === 'none') return t.skip(support.why);
    const box = await openBox(t, current(), spec(programs));
    const named = await shell(box, 'exec bash -c "exec -a own /foreign/far"');
    assert.equal(named.stdout, '<-0><own></foreign/far>\n');
    const relative = await shell(box, 'cd /foreign; exec ./far');
    assert.equal(relative.stdout, '<-0><./far><./far>\n');
    const nested = await shell(box, '/foreign/far start /foreign/far x');
    assert.deepEqual(nested.stdout.split('\n'), [
      '<-0></foreign/far></foreign/far><start></foreign/far><x>',
      '<-0></foreign/far></foreign/far><x>',
      '',
    ]);
    const script = await shell(box, 'exec /foreign/script a');
    assert.equal(script.stdout, '<-0></foreign/far></foreign/far></foreign/script><a>\n');
  });

  test('the programs of a sandbox with emulation have the ids, the input and the files of one without', async (t) => {
    const { programs } = await ready();
    const look = 'id -u; id -g; cat; touch /tmp/x && stat -c %u:%g /tmp/x; ls /proc/self/fd | wc -l; exit 3';
    const outcomes = [];
    for (const one of [spec(programs), plain(programs)]) {
      const box = await openBox(t, current(), one);
      const { stdout, stderr, status } = await shell(box, look, { stdin: 'input\n' });
      outcomes.push({ stdout, stderr, status });
    }
    assert.equal(outcomes[0]?.status, 3);
    assert.deepEqual(outcomes[0], outcomes[1]);
  });

  test('a registration is that of its sandbox: another one has none of it', async (t) => {
    const { support, programs } = await ready();
    if (support.by === 'none') return t.skip(support.why);
    await openBox(t, current(), spec(programs));
    const box = await openBox(t, current(), plain(programs));
    const { stderr } = await shell(box, '/foreign/far');
    assert.match(stderr, /xec format error/);
  });

  test('a signal ends the program of a sandbox with emulation by that signal', async (t) => {
    const { programs } = await ready();
    const box = await openBox(t, current(), spec(programs));
    const { signal, status } = await shell(box, 'kill -SEGV $$');
    assert.deepEqual({ signal, status }, { signal: 'SIGSEGV', status: undefined });
  });
}

/** Begins as a program of that machine does. */
function foreignProgram(): Buffer {
  const bytes = Buffer.alloc(64);
  magicOf(NO_MACHINE).magic.copy(bytes);
  return bytes;
}
