import assert from 'node:assert/strict';
import { test } from 'node:test';
import { upgradeText } from '../../src/commands/upgrade-text.ts';
import type { Outdated } from '../../src/domain/outdated.ts';
import { totalsOf } from '../../src/domain/report.ts';
import type { SampleResult } from '../../src/domain/sample.ts';
import type { RunFacts, UpgradeReport } from '../../src/domain/upgrade.ts';
import { upgradeSummary } from '../../src/report/actions/upgrade.ts';

const SSL: Outdated = {
  ...{ kind: 'distribution', name: 'openssl', packages: ['libssl3t64'], version: '3.5.1', newest: '3.5.2' },
  ...{ suite: 'trixie', shipped: true, fixes: ['CVE-2026-1'], where: ['sysroots/x/y'] },
};

function facts(size: number, statuses: readonly ('passed' | 'failed' | 'skipped')[]): RunFacts {
  const samples = statuses.map((status, i) => ({ name: `any/${i}`, status }) as SampleResult);
  const bundle = { file: 'a.tar.gz', digest: 'sha256:0', size };
  return { recipe: 'x86_64', status: 'passed', bundle, samples, totals: totalsOf(samples, 0) };
}

const REPORT: UpgradeReport = {
  ...{ schema: 1, kept: true, upgraded: [SSL] },
  locks: [
    {
      id: 'sysroots/x/y',
      differences: [
        { set: 'sysroot', name: 'libssl3t64', architecture: 'amd64', from: '3.5.1-1', to: '3.5.2-1' },
        { set: 'sysroot', name: 'libnew1', architecture: 'amd64', to: '1' },
      ],
    },
  ],
  recipes: [
    {
      recipe: 'x86_64',
      before: facts(1_000_000, ['passed', 'passed', 'skipped']),
      after: facts(1_250_000, ['passed', 'skipped', 'skipped']),
    },
  ],
  left: [
    { ...SSL, name: 'krb5', newest: undefined as never, security: '1.21-2' },
    { ...SSL, name: 'zlib', why: 'its lock comes with provision' },
  ],
  unknown: ['the crates of a/Cargo.lock: cargo failed'],
};

test('an upgrade is a text for a pull request: versions, sizes, results, packages, and what stays', () => {
  assert.equal(
    upgradeSummary(REPORT),
    `## Newer packages: 2 in 1 lock

| source | from | to | in | corrects |
| --- | --- | --- | --- | --- |
| <code>openssl</code> | 3.5.1 | 3.5.2 | shipped&#58; sysroots/x/y | CVE-2026-1 |

| recipe | bundle | samples | other than before |
| --- | --- | --- | --- |
| <code>x86&#95;64</code> | 1.0 MB → 1.3 MB (+250.0 kB) | 2 of 3 equal, 1 skipped → 1 of 3 equal, 2 skipped | any/1&#58; passed → skipped |

<details>
<summary><code>sysroots/x/y</code>: 2 packages</summary>

| package | from | to |
| --- | --- | --- |
| libssl3t64&#58;amd64 | 3.5.1-1 | 3.5.2-1 |
| libnew1&#58;amd64 |  | 1 |

</details>

- not upgraded: <code>krb5</code> 3.5.1, 1.21-2 in the security updates alone (shipped&#58; sysroots/x/y)
- not upgraded: <code>zlib</code> 3.5.1, 3.5.2&#58; its lock comes with provision (shipped&#58; sysroots/x/y)
- not compared: the crates of a/Cargo.lock&#58; cargo failed
`,
  );
});

test('what is printed is the same as plain text: nothing in it is markup', () => {
  const plain = upgradeText(REPORT);
  assert.equal(
    plain,
    `Newer packages: 2 in 1 lock

source   from   to     in                     corrects
openssl  3.5.1  3.5.2  shipped: sysroots/x/y  CVE-2026-1

recipe  bundle                       samples                                            other than before
x86_64  1.0 MB → 1.3 MB (+250.0 kB)  2 of 3 equal, 1 skipped → 1 of 3 equal, 2 skipped  any/1: passed → skipped

sysroots/x/y: 2 packages
package           from     to
libssl3t64:amd64  3.5.1-1  3.5.2-1
libnew1:amd64              1

not upgraded: krb5 3.5.1, 1.21-2 in the security updates alone (shipped: sysroots/x/y)
not upgraded: zlib 3.5.1, 3.5.2: its lock comes with provision (shipped: sysroots/x/y)
not compared: the crates of a/Cargo.lock: cargo failed
`,
  );
  const narrow = upgradeText(REPORT, 60).split('\n');
  assert.deepEqual(
    narrow.filter((line) => line.length > 60),
    [],
  );
  assert.match(
    upgradeText({ ...REPORT, kept: false }),
    /^Newer packages do not pass: the locks stay as they are\n/,
  );
  assert.equal(
    upgradeText({ ...REPORT, locks: [], recipes: [], upgraded: [], left: [], unknown: [] }),
    'Nothing to upgrade\n',
  );
});

test('one that is not kept says so, also where there was no report', () => {
  const [first] = REPORT.recipes;
  const text = upgradeSummary({
    ...REPORT,
    kept: false,
    recipes: [{ recipe: 'x86_64', before: first?.before as RunFacts }],
  });
  assert.match(text, /^## ❌ Newer packages do not pass: the locks stay as they are\n/);
  assert.match(text, /1\.0 MB → none \| 2 of 3 equal, 1 skipped → not run \|/);
  assert.match(
    upgradeSummary({ ...REPORT, locks: [], recipes: [], upgraded: [], left: [] }),
    /^## Nothing to upgrade\n/,
  );
});
