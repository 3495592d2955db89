// The report page: as text, and as a browser shows it.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { SampleResult } from '../../src/domain/sample.ts';
import { writePage } from '../../src/report/page/write.ts';
import { Browser } from '../support/browser.ts';
import { writeArtifacts } from '../support/page-artifacts.ts';
import { report } from '../support/report.ts';

const PHONE = [360, 740] as const;
const DESK = [1280, 900] as const;

let folder = '';
let page = '';
let browser: Browser;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'provision page ü '));
  writeArtifacts(folder);
  const written = await writePage(folder);
  assert.ok(written.ok, JSON.stringify(written));
  assert.deepEqual(written.value.recipes, ['far', 'near']);
  page = readFileSync(join(folder, 'report.html'), 'utf8');
  browser = await Browser.open();
});

after(async () => {
  await browser[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

async function show([width, height]: readonly [number, number], scheme: 'light' | 'dark'): Promise<void> {
  await browser.view(width, height, scheme);
  await browser.load(pathToFileURL(join(folder, 'report.html')).href);
}

test('output of programs is text: it creates no element and no attribute', async () => {
  await show(DESK, 'light');
  assert.equal(await browser.ask('document.title'), 'provision: 2 recipes');
  assert.equal(await browser.ask("document.querySelectorAll('script').length"), 0);
  assert.equal(await browser.ask("document.querySelectorAll('img[src=x]').length"), 0);
  const handlers =
    "[...document.querySelectorAll('*')].flatMap((e) => e.getAttributeNames()).filter((n) => /^on/.test(n))";
  assert.deepEqual(await browser.ask(handlers), []);
  // It is there to be read, controls and turned writing made visible.
  const diff = await browser.ask<string>("document.querySelector('.detail .diff .add').textContent");
  assert.ok(diff.startsWith('+</script></pre></div><script>document.title='), diff);
  assert.ok(diff.includes('\\u{202e} \\u{0} \\u{1b}[31m \\u{d800}'), diff);
  for (const char of ['\u202e', '\u0000', '\u001b']) assert.ok(!page.includes(char));
});

test('no console message, no failed load, no address but the page itself', async () => {
  await show(DESK, 'light');
  await show(PHONE, 'dark');
  assert.deepEqual(browser.seen.messages, []);
  assert.deepEqual(
    [...new Set(browser.seen.requests)].filter((address) => !address.startsWith('data:')),
    [pathToFileURL(join(folder, 'report.html')).href],
  );
  // What the page may load is nothing at all, whatever is in it.
  assert.match(page, /<meta http-equiv="Content-Security-Policy" content="default-src &#39;none&#39;;/);
  assert.doesNotMatch(page, /(?:src|href)="(?:https?:)?\/\//);
});

test('a diff opens and closes from the keyboard', async () => {
  await show(DESK, 'light');
  const open = "[...document.querySelectorAll('[popover]')].filter((e) => e.matches(':popover-open')).length";
  const focused = "document.activeElement.matches('.matrix button')";
  assert.equal(await browser.ask(open), 0);
  for (let i = 0; i < 80 && !(await browser.ask(focused)); i++) await browser.press('Tab');
  assert.ok(await browser.ask(focused), 'Tab reaches a cell that opens');
  const outline =
    'getComputedStyle(document.activeElement).outlineStyle + getComputedStyle(document.activeElement).outlineWidth';
  assert.equal(await browser.ask(outline), 'solid3px', 'the focus is seen');
  await browser.press('Enter');
  assert.equal(await browser.ask(open), 1);
  assert.ok(await browser.ask("document.activeElement.matches('.detail .close')"), 'the focus is inside');
  await browser.press('Escape');
  assert.equal(await browser.ask(open), 0);
  assert.ok(await browser.ask(focused), 'the focus is back on the cell');
});

test('the first Tab focuses a link that skips to the report', async () => {
  await show(DESK, 'light');
  await browser.press('Tab');
  assert.equal(await browser.ask('document.activeElement.textContent'), 'Skip to the report');
  assert.ok(await browser.ask('document.activeElement.getBoundingClientRect().left >= 0'), 'it is seen');
  await browser.press('Enter');
  assert.equal(await browser.ask('document.activeElement.id'), 'main');
});

for (const scheme of ['light', 'dark'] as const) {
  test(`at the width of a phone nothing is wider than the screen, every part open (${scheme})`, async () => {
    await show(PHONE, scheme);
    await browser.ask("document.querySelectorAll('details').forEach((one) => { one.open = true })");
    const [page, window] = await browser.ask<[number, number]>(
      '[document.documentElement.scrollWidth, innerWidth]',
    );
    assert.equal(page, PHONE[0]);
    assert.equal(window, PHONE[0]);
  });

  test(`text has a contrast of at least 4.5 to 1 (${scheme})`, async () => {
    await show(DESK, scheme);
    const low = await browser.ask<readonly string[]>(LOW_CONTRAST);
    assert.deepEqual(low, []);
  });
}

test('light and dark are different pictures', async () => {
  const ground = 'getComputedStyle(document.body).backgroundColor';
  await show(DESK, 'light');
  const light = [await browser.ask(ground), await browser.picture()] as const;
  await show(DESK, 'dark');
  const dark = [await browser.ask(ground), await browser.picture()] as const;
  assert.notEqual(light[0], dark[0]);
  assert.ok(!light[1].equals(dark[1]));
});

test('tables have headers with a scope, sections and scrolling parts a name, ids are unique, headings in order', async () => {
  await show(DESK, 'light');
  assert.equal(await browser.ask("document.querySelectorAll('th:not([scope])').length"), 0);
  assert.equal(await browser.ask("document.querySelectorAll('table:not(:has(thead))').length"), 0);
  assert.equal(
    await browser.ask("document.querySelectorAll('.scroll:not([aria-label][tabindex])').length"),
    0,
  );
  const ids = await browser.ask<readonly string[]>("[...document.querySelectorAll('[id]')].map((e) => e.id)");
  assert.equal(new Set(ids).size, ids.length);
  const wanted = await browser.ask<readonly string[]>(
    "[...document.querySelectorAll('[popovertarget],[aria-labelledby],a[href^=\"#\"]')].flatMap((e) => (e.getAttribute('popovertarget') ?? e.getAttribute('aria-labelledby') ?? decodeURIComponent(e.hash.slice(1))).split(' '))",
  );
  assert.deepEqual(
    wanted.filter((id) => !ids.includes(id)),
    [],
  );
  const levels = await browser.ask<readonly number[]>(
    "[...document.querySelectorAll('h1,h2,h3,h4')].filter((e) => !e.closest('[popover]')).map((e) => Number(e.tagName[1]))",
  );
  assert.equal(levels.filter((level) => level === 1).length, 1);
  assert.ok(
    levels.every((level, i) => level <= (levels[i - 1] ?? 0) + 2),
    levels.join(' '),
  );
});

test('everything in the artifacts is shown on the page', async () => {
  await show(DESK, 'light');
  const titles = await browser.ask<readonly string[]>(
    "[...document.querySelectorAll('h2')].map((e) => e.textContent)",
  );
  assert.deepEqual(titles, [
    'Recipes',
    'Samples',
    'Blockers',
    'What provisioning fixes',
    'Provisioning',
    'Amortization',
    'The per-opcode tax',
    'Tiers',
    "CPython's own tests",
  ]);
  // Recipes × samples: what one did not run is empty there.
  const head = await browser.ask<readonly string[]>(
    "[...document.querySelectorAll('.matrix thead th')].map((e) => e.textContent)",
  );
  assert.deepEqual(head, ['sample', 'far', 'near']);
  const row = (name: string) =>
    browser.ask<readonly string[]>(
      `[...[...document.querySelectorAll('.matrix tr')].find((e) => e.querySelector('th').textContent === '${name}').querySelectorAll('td')].map((e) => e.className)`,
    );
  assert.deepEqual(await row('containers'), ['cell passed', 'cell passed']);
  assert.deepEqual(await row('locale'), ['cell declared', 'cell declared']);
  assert.deepEqual(await row('threads'), ['cell skipped', 'cell skipped']);
  assert.deepEqual(await row('metaclass'), ['cell failed', 'cell none']);
  // The drawing is made on the server, and one for eyes that see it and for those that do not.
  assert.ok(
    await browser.ask("document.querySelector('figure svg.chart[role=img] title').textContent.length > 0"),
  );
  assert.ok(await browser.ask("document.querySelector('figcaption').textContent.includes('M = 16000')"));
  assert.ok(
    await browser.ask(
      "[...document.querySelectorAll('.ladder td')].some((e) => e.textContent === 'missing-target-std')",
    ),
  );
});

test('the filter leaves the samples that are not equal everywhere', async () => {
  await show(DESK, 'light');
  const rows =
    "[...document.querySelectorAll('.matrix tbody tr:not(.tier)')].filter((e) => e.checkVisibility()).length";
  const all = await browser.ask<number>(rows);
  await browser.ask("document.querySelector('#only-other').click()");
  const some = await browser.ask<number>(rows);
  const same = await browser.ask<number>("document.querySelectorAll('.matrix tr.same').length");
  assert.ok(same > 0);
  assert.equal(some, all - same);
});

test('twelve recipes with long diffs stay below 3 MB, state what is cut, and load', async (t) => {
  const many = temporary(t);
  const diff = `@@ -1 +1 @@\n${'-<left> & "one"\n+<right> & "other"\n'.repeat(3000)}`;
  for (let r = 0; r < 12; r++) {
    const samples = Array.from(
      { length: 62 },
      (_, i): SampleResult => ({
        name: `any/sample_${i}`,
        title: 'Long',
        tier: 'any',
        status: 'failed',
        reason: 'stdout differs from line 1 on',
        kind: 'output-differs',
        file: `samples/any/sample_${i}.py`,
        diff,
      }),
    );
    mkdirSync(join(many, `r${r}`));
    writeFileSync(join(many, `r${r}`, 'report.json'), JSON.stringify(report({ recipe: `r${r}`, samples })));
  }
  const written = await writePage(many);
  assert.ok(written.ok);
  assert.ok(written.value.size < 3_000_000, `${written.value.size}`);
  assert.match(readFileSync(join(many, 'report.html'), 'utf8'), /\d+ more lines are not shown/);
  await browser.load(pathToFileURL(join(many, 'report.html')).href);
  assert.equal(await browser.ask("document.querySelectorAll('.matrix .failed button').length"), 12 * 62);
});

test('foreign files are named and left out; an empty folder gives a page, too', async (t) => {
  const odd = temporary(t);
  const empty = await writePage(odd);
  assert.ok(empty.ok);
  assert.match(readFileSync(join(odd, 'report.html'), 'utf8'), /No recipe has been run yet/);
  for (const [name, text] of [
    ['broken', '{"schema": 1,'],
    ['other', '{"schema": 1, "recipe": "other"}'],
    ['newer', '{"schema": 2}'],
  ] as const) {
    mkdirSync(join(odd, name));
    writeFileSync(join(odd, name, 'report.json'), text);
  }
  const written = await writePage(odd);
  assert.ok(written.ok);
  assert.deepEqual(
    written.value.unreadable.map(({ file }) => file),
    ['broken/report.json', 'newer/report.json', 'other/report.json'],
  );
  assert.match(
    readFileSync(join(odd, 'report.html'), 'utf8'),
    /newer\/report\.json \(it is not of this version/,
  );
});

test('a drawing that is there already is shown as an image, in which nothing can run', async (t) => {
  const drawn = temporary(t);
  writeArtifacts(drawn);
  const svg =
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10" onload="document.title=1"><script>parent.document.title=1</script><rect width="10" height="10"/></svg>';
  writeFileSync(join(drawn, 'far', 'amortize.svg'), svg);
  assert.ok((await writePage(drawn)).ok);
  await browser.load(pathToFileURL(join(drawn, 'report.html')).href);
  assert.ok(await browser.ask("document.querySelector('figure img.chart').naturalWidth > 0"));
  assert.equal(await browser.ask("document.querySelectorAll('figure:has(img) svg').length"), 0);
  assert.equal(await browser.ask('document.title'), 'provision: 2 recipes');
});

test('the artifacts of one recipe make a page of their own', async () => {
  const written = await writePage(join(folder, 'far'));
  assert.ok(written.ok);
  assert.deepEqual(written.value.recipes, ['far']);
  rmSync(join(folder, 'far', 'report.html'));
});

/** Texts whose colour and ground (WCAG 2.2, 1.4.3) are too close. */
const LOW_CONTRAST = `(() => {
  const numbers = (color) => {
    const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((n) => (n / 255 <= 0.04045 ? n / 255 / 12.92 : ((n / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const ground = (e) => {
    for (let one = e; one; one = one.parentElement) {
      const color = numbers(getComputedStyle(one).backgroundColor);
      if (color[3] > 0) return color;
    }
    return [255, 255, 255, 255];
  };
  const low = new Set();
  for (const e of document.querySelectorAll('body *')) {
    if (e.closest('svg') || ![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim() !== '')) continue;
    const [a, b] = [light(numbers(getComputedStyle(e).color)), light(ground(e))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) low.add(e.tagName + '.' + e.className + ': ' + ((a + 0.05) / (b + 0.05)).toFixed(2));
  }
  return [...low];
})()`;

function temporary(t: TestContext): string {
  const made = mkdtempSync(join(tmpdir(), 'provision-page-'));
  t.after(() => rmSync(made, { recursive: true, force: true }));
  return made;
}
