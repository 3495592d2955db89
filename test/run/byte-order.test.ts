// What is said of a difference on a target of another byte order than the reference's.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { err, ok } from '../../src/domain/result.ts';
import type { SampleResult } from '../../src/domain/sample.ts';
import { explainByteOrder, type OtherReference } from '../../src/run/byte-order.ts';
import type { Run } from '../../src/run/observe.ts';
import type { RuntimeInstance } from '../../src/runtime/instance.ts';

const FAILED: SampleResult = {
  ...{ name: 'a', title: 'A', tier: 'any', status: 'failed', file: 'samples/a.py' },
  ...{ kind: 'output-differs', reason: 'stdout differs from line 1 on' },
};

function run(stdout: string, more: Partial<Run> = {}): Run {
  return {
    ...{ stdout: Buffer.from(stdout), stderr: Buffer.from(''), exit: { status: 0 }, ms: 1 },
    ...{ end: 'itself', emulator: [], cached: false },
    ...more,
  };
}

/** What each interpreter says, by name; the target is big-endian, the reference little-endian. */
interface Said {
  readonly target: Run;
  readonly reference: Run;
  readonly same: Run;
  readonly control?: Run;
}

async function explain(said: Said, result = FAILED) {
  const other = (key: string, order: string): OtherReference => ({
    ...{ name: key, order },
    runtime: async () => ok({ key } as unknown as RuntimeInstance),
  });
  const asked: string[] = [];
  const explained = await explainByteOrder(
    result,
    { runs: { target: said.target, reference: said.reference }, on: 'big' },
    {
      same: other('same', 'big-endian'),
      ...(said.control === undefined ? {} : { control: other('control', 'little-endian') }),
      onAbsent: () => assert.fail('both are there'),
    },
    async ({ key }) => {
      asked.push(String(key));
      return ok(said[key as 'same' | 'control'] as Run);
    },
  );
  assert.ok(explained.ok);
  return { asked, ...explained.value };
}

const BIG = run('00000001\n');
const LITTLE = run('01000000\n');

test('a difference that goes with the byte order, and with nothing else of a machine, is named so', async () => {
  const found = await explain({ target: BIG, reference: LITTLE, same: BIG, control: LITTLE });
  assert.match(found.reason ?? '', /^stdout differs from line 1 on\. It is the byte order alone: /);
  assert.match(found.reason ?? '', /for same, big-endian as well, .* for control, little-endian, /);
  assert.ok(found.cures?.some((cure) => cure.includes('`# differs-on: big: byte order`')));
  assert.ok(found.cures?.some((cure) => cure.includes('`samples/a.py`')));
});

test('one that another machine of the reference’s order has too is the machine’s, not the byte order’s alone', async () => {
  const said = { target: run('big'), reference: run('near'), same: run('big') };
  for (const more of [{ control: run('far') }, {}]) {
    const { reason = '', cures = [] } = await explain({ ...said, ...more });
    assert.match(reason, /It is the machine, by its byte order or otherwise, and nothing of this build/);
    assert.doesNotMatch(reason, /byte order alone/);
    assert.ok(cures.some((cure) => cure.includes('another machine')));
  }
});

test('one that an interpreter of the same order does not have is left as it is', async () => {
  const wrong = await explain({ target: run('wrong'), reference: LITTLE, same: BIG, control: LITTLE });
  assert.deepEqual(wrong, { asked: ['same'] });
  const status = run('00000001\n', { exit: { status: 1 } });
  assert.equal((await explain({ target: status, reference: LITTLE, same: BIG })).reason, undefined);
  // It could not be compared: that explains nothing.
  const slow = run('00000001\n', { end: 'time' });
  assert.equal((await explain({ target: BIG, reference: LITTLE, same: slow })).reason, undefined);
});

test('an interpreter that cannot be had explains nothing, and fails nothing', async () => {
  const gone = { code: 'fetch/gone', what: 'No mirror has it.', fix: ['Try later.'] } as const;
  const there = async () => ok({} as RuntimeInstance);
  const missing = async () => err(gone);
  const runs = { target: BIG, reference: LITTLE };
  for (const [same, control, expected] of [
    [missing, there, undefined],
    [there, missing, /It is the machine, by its byte order or otherwise/],
  ] as const) {
    const absent: string[] = [];
    const explained = await explainByteOrder(
      FAILED,
      { runs, on: 'big' },
      {
        same: { name: 'same', order: 'big-endian', runtime: same },
        control: { name: 'control', order: 'little-endian', runtime: control },
        onAbsent: ({ name }, { code }) => absent.push(`${name} ${code}`),
      },
      async () => ok(BIG),
    );
    assert.ok(explained.ok);
    assert.deepEqual(absent, [same === missing ? 'same fetch/gone' : 'control fetch/gone']);
    if (expected === undefined) assert.equal(explained.value, undefined);
    else assert.match(explained.value?.reason ?? '', expected);
  }
});

test('limits and crashes are never explained by it, and nothing is run for them', async () => {
  for (const kind of ['time-limit', 'emulator-crash', 'reference-failed', 'disk-limit'] as const) {
    const said = { target: BIG, reference: LITTLE, same: BIG, control: LITTLE };
    assert.deepEqual(await explain(said, { ...FAILED, kind }), { asked: [] });
  }
});
