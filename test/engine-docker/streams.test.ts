import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { inspect } from 'node:util';
import type { Address } from '../../src/engine/docker/address.ts';
import { connect } from '../../src/engine/docker/connect.ts';
import { ReportFilter } from '../../src/engine/docker/reporter.ts';
import { Collector, demultiplex } from '../../src/engine/docker/streams.ts';

function frame(stream: 1 | 2, text: string): Buffer {
  const content = Buffer.from(text);
  const header = Buffer.alloc(8);
  header[0] = stream;
  header.writeUInt32BE(content.length, 4);
  return Buffer.concat([header, content]);
}

test('the two streams are demultiplexed, wherever the bytes are cut', async () => {
  const bytes = Buffer.concat([
    frame(1, 'out'),
    frame(2, 'err'),
    frame(1, ''),
    frame(1, 'öut2'),
    frame(2, 'x'.repeat(5000)),
  ]);
  for (const size of [1, 7, 8, 9, 4096, 100_000]) {
    const source = new PassThrough();
    const seen = { stdout: '', stderr: '' };
    const done = demultiplex(source, (stream, chunk) => {
      seen[stream] += chunk.toString('latin1');
    });
    for (let at = 0; at < bytes.length; at += size) source.write(bytes.subarray(at, at + size));
    source.end();
    await done;
    assert.equal(Buffer.from(seen.stdout, 'latin1').toString(), 'outöut2');
    assert.equal(seen.stderr, `err${'x'.repeat(5000)}`);
  }
});

test('a stream that breaks is an error', async () => {
  const source = new PassThrough();
  const done = demultiplex(source, () => {});
  source.destroy(new Error('broken'));
  await assert.rejects(done, /broken/);
});

test('each stream is kept up to the limit, which is reported once', () => {
  let overflows = 0;
  const chunks: string[] = [];
  const collector = new Collector({
    maximum: 5,
    onChunk: (_, chunk) => chunks.push(String(chunk)),
    onOverflow: () => {
      overflows += 1;
    },
  });
  collector.add('stdout', Buffer.from('12345'));
  assert.equal(overflows, 0);
  for (const text of ['6', '7']) collector.add('stdout', Buffer.from(text));
  collector.add('stderr', Buffer.from('abc'));
  assert.deepEqual(
    [collector.output('stdout').toString(), collector.output('stderr').toString(), overflows],
    ['12345', 'abc', 1],
  );
  assert.equal(chunks.length, 2);
});

const REPORT = `[INFO  tini (7)] Spawned child process 'sh' with pid '8'\n[INFO  tini (7)] Main child exited`;

function filtered(text: string, size: number): { readonly passed: string; readonly ending: string } {
  let passed = '';
  const filter = new ReportFilter((chunk) => {
    passed += chunk.toString('latin1');
  });
  const bytes = Buffer.from(text, 'latin1');
  for (let at = 0; at < bytes.length; at += size) filter.add(bytes.subarray(at, at + size));
  const ending = filter.end();
  return { passed, ending };
}

test('the report is removed from the output, whatever the program printed', () => {
  const outputs = [
    '',
    'text',
    'line\n',
    '[INFO  tini (',
    '[INFO  tini (9)] Main child exited normally\n',
    '[',
    `${'x'.repeat(20_000)}[IN`,
  ];
  for (const output of outputs) {
    for (const size of [1, 5, 100_000]) {
      assert.deepEqual(filtered(`${output}${REPORT} normally (with status '139')\n`, size), {
        passed: output,
        ending: 'by itself',
      });
      assert.deepEqual(
        filtered(`${output}${REPORT} with signal (with signal 'Segmentation fault')\n`, size),
        { passed: output, ending: 'by a signal' },
      );
      assert.deepEqual(filtered(output, size), { passed: output, ending: 'unknown' });
    }
  }
});

test('output that is no report is passed on as it arrives', () => {
  const passed: string[] = [];
  const filter = new ReportFilter((chunk) => passed.push(String(chunk)));
  filter.add(Buffer.from('first\n'));
  assert.deepEqual(passed, ['first\n']);
  filter.add(Buffer.from('[INFO  tiny'));
  assert.deepEqual(passed, ['first\n', '[INFO  tiny']);
});

test('what the library writes out of each request names the agent alone: no sockets, no keys', async () => {
  const tls = { ca: Buffer.from('authority'), cert: Buffer.from('certificate'), key: 'secret', verify: true };
  const address = { kind: 'tcp', host: 'localhost', port: 2376, tls } as unknown as Address;
  const connection = await connect(address);
  assert.ok(connection.ok);
  using made = connection.value;
  const { agent } = made.client().modem as unknown as { agent: object };
  const shown = inspect({ agent }, { showHidden: true, depth: null });
  assert.match(shown, /^\{ agent: EngineAgent \S+ \}$/);
  assert.doesNotMatch(shown, /secret/);
});
