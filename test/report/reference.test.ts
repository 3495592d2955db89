// How the page names the interpreter that samples were compared with.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { writePage } from '../../src/report/page/write.ts';
import { temporaryFolder } from '../support/cli.ts';
import { report } from '../support/report.ts';

test('the page says that a reference is a 32-bit one, and of which architecture', async (t) => {
  const folder = temporaryFolder(t);
  const reference = { version: '3.13.5-2', digest: `sha256:${'a'.repeat(64)}` };
  const written = {
    far: report({ recipe: 'far', reference: { ...reference, architecture: 'small', pointerWidth: 32 } }),
    near: report({ recipe: 'near', reference: { ...reference, architecture: 'large', pointerWidth: 64 } }),
  };
  for (const [name, one] of Object.entries(written)) {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, 'report.json'), JSON.stringify(one));
  }
  const page = await writePage(folder);
  assert.ok(page.ok, JSON.stringify(page));
  const text = readFileSync(join(folder, 'report.html'), 'utf8');
  assert.ok(text.includes('<dt>Reference</dt><dd>3.13.5-2, 32-bit (small)</dd>'));
  assert.ok(text.includes('<dt>Reference</dt><dd>3.13.5-2</dd>'));
});
