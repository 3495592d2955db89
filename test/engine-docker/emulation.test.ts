// Whether containers may register an emulator is the daemon's to say: of Docker's own seccomp profile they may not.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { NO_MACHINE } from '../../src/engine/registration.ts';
import { emulationContract } from '../engine/contract-emulation.ts';
import { type DockerBench, makeDockerBench, removeDockerBench } from '../support/docker-bench.ts';
import { engineMissing, startEngine, type TestEngine } from '../support/dockerd.ts';
import { value } from '../support/sandboxes.ts';

const missing =
  process.env.PROVISION_TEST_ALL === '1'
    ? engineMissing('dockerd')
    : 'PROVISION_TEST_ALL=1 starts these daemons';

for (const unfiltered of [false, true]) {
  describe(`dockerd ${unfiltered ? 'without' : 'with'} a seccomp filter`, { skip: missing ?? false }, () => {
    let under: TestEngine;
    let bench: DockerBench;
    before(async () => {
      under = await startEngine('dockerd', { unfiltered });
      bench = await makeDockerBench(under);
    });
    after(async () => {
      await removeDockerBench(bench);
      await under.remove();
    });

    test('what it allows is found out by a container', async () => {
      const support = value(await bench.engine.emulation(NO_MACHINE));
      assert.equal(support.by, unfiltered ? 'sandbox' : 'none');
      if (support.by !== 'none') return;
      assert.match(support.why, /seccomp/);
      assert.match(support.evidence.join(), /not registered: namespaces/);
      assert.ok(support.fix.length > 0);
    });

    emulationContract(() => bench);
  });
}
