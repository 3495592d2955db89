import type { Report } from '../../src/domain/report.ts';
import { totalsOf } from '../../src/domain/report.ts';
import type { SampleResult } from '../../src/domain/sample.ts';

const HEX = '0123456789abcdef'.repeat(4);

/** One sample of every way in which it can end. */
export const SAMPLES: readonly SampleResult[] = [
  sample('any/containers', { status: 'passed', target: ran('ok\n'), reference: ran('ok\n') }),
  sample('any/locale', {
    status: 'passed',
    declared: ['libc names its locales differently'],
    diff: '--- reference stdout\n+++ target stdout\n@@ -1,1 +1,1 @@\n-C.UTF-8\n+C\n',
    target: ran('C\n'),
    reference: ran('C.UTF-8\n'),
    logs: ['logs/any/locale.target.stdout', 'logs/any/locale.reference.stdout', 'logs/any/locale.diff'],
  }),
  sample('any/threads', { status: 'skipped', reason: 'far lacks threads' }),
  sample('dynamic/metaclass', {
    tier: 'dynamic',
    status: 'failed',
    kind: 'output-differs',
    reason: 'stdout differs from line 1 on',
    diff: '--- reference stdout\n+++ target stdout\n@@ -1,1 +1,1 @@\n-<class "A"> & ]]>\n+\\x1b[31m\n',
    target: { ...ran('G1szMW0K'), encoding: 'base64', cut: { stdout: 9_000_000 } },
    reference: ran('<class "A"> & ]]>\n'),
    logs: ['logs/dynamic/metaclass.target.stdout', 'logs/dynamic/metaclass.diff'],
  }),
  sample('dynamic/crash', {
    tier: 'dynamic',
    status: 'failed',
    kind: 'emulator-crash',
    reason: 'qemu-far ended with SIGSEGV and did not say that the program got it',
    target: { ...ran(''), exit: { signal: 'SIGSEGV' }, emulator: ['qemu: uncaught'] },
    reference: ran('1\n'),
  }),
  sample('x\u0001\ufffe\ud800"<&>\r\n', {
    tier: 'user',
    status: 'failed',
    kind: 'exit-differs',
    reason: 'control \u0000 \u001b and\nnewline',
    diff: '\u0008\r\n',
    target: { ...ran('\u0001'), exit: { status: 1 } },
    reference: ran(''),
  }),
];

export function report(change: Partial<Report> = {}): Report {
  const samples = change.samples ?? SAMPLES;
  return {
    schema: 1,
    tool: { name: 'provision', version: '0.1.0' },
    status: 'failed',
    recipe: 'far',
    target: { name: 'far-unknown-linux-gnu', triple: 'far-unknown-linux-gnu' },
    plan: `sha256:${HEX}`,
    started: '2026-01-02T03:04:05.678Z',
    finished: '2026-01-02T03:05:06.789Z',
    ms: 61_111,
    artifacts: 'artifacts/far',
    host: { machine: 'near64', cores: 2 },
    engine: { name: 'namespace', version: '1', detail: 'user namespaces' },
    python: {
      version: '3.13.5',
      libpython: 'usr/lib/far-linux-gnu/libpython3.13.so.1.0',
      linkage: 'dynamic',
      sysconfigdata: 'usr/lib/python3.13/_sysconfigdata__far-linux-gnu.py',
      why: 'It is the only one in the sysroot.',
    },
    reference: { version: '3.13.5', digest: `sha256:${HEX}`, architecture: 'near', pointerWidth: 64 },
    toolchain: {
      name: 'tools',
      tree: HEX,
      lock: `sha256:${HEX}`,
      packages: 115,
      versions: { rustc: '1.85.1', clang: '19.1.7' },
    },
    sysroot: {
      name: 'far-python',
      tree: HEX,
      lock: `sha256:${HEX}`,
      packages: 58,
      versions: { python: '3.13.5' },
    },
    bundle: {
      file: 'artifacts/far/isolate-far-unknown-linux-gnu.tar.gz',
      digest: `sha256:${HEX}`,
      size: 31_200_000,
    },
    stages: [
      { name: 'toolchain', outcome: 'hit', ms: 12, detail: '115 packages, 1.3 GB' },
      { name: 'run', outcome: 'done', ms: 5012 },
    ],
    bytes: { downloaded: 395_000_000, unpacked: 1_844_000_000 },
    notices: [
      { level: 'warning', code: 'samples/declared-not-seen', message: 'any/x declares a difference.' },
    ],
    blockers: [],
    samples,
    totals: totalsOf(samples, 1),
    logs: samples.flatMap(({ logs = [] }) => logs),
    ...change,
  };
}

function sample(name: string, more: Partial<SampleResult>): SampleResult {
  return { name, title: `About ${name}`, tier: 'any', status: 'passed', file: `samples/${name}.py`, ...more };
}

function ran(stdout: string) {
  return { stdout, stderr: '', encoding: 'utf8', exit: { status: 0 }, ms: 1234 } as const;
}
