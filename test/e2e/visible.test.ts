// What a build sees is what its fingerprint counts: a program follows every change of it, and nothing else.
import { test } from 'node:test';
import { SHARED_STORE } from '../support/cli.ts';
import { programFollowsEdits } from '../support/edited-project.ts';

test('a program follows its sources, wherever they are, and an edit compiles what was edited', async (t) => {
  await programFollowsEdits(t, { args: ['--engine', 'namespace'], store: SHARED_STORE });
});
