import assert from 'node:assert/strict';
import { test } from 'node:test';
import { amortizationChart } from '../../src/charts/amortization.ts';
import { CHART_STYLE, escaped, standalone } from '../../src/charts/draw.ts';
import { overheadChart } from '../../src/charts/overhead.ts';
import { chartPage } from '../../src/charts/page.ts';
import { tiersChart } from '../../src/charts/tiers.ts';
import { amortization, tax, tierTable } from '../support/measured.ts';
import { parseXml } from '../support/xml.ts';

const DRAWINGS = {
  amortize: () => amortizationChart(amortization()),
  tax: () => overheadChart(tax()),
  tiers: () => tiersChart(tierTable()),
};

for (const [name, draw] of Object.entries(DRAWINGS)) {
  test(`${name}: the chart is one well-formed SVG element with title and description`, () => {
    const svg = draw();
    const root = parseXml(standalone(svg));
    assert.equal(root.name, 'svg');
    assert.match(
      svg,
      /role="img" aria-labelledby="(\S+)-title \1-desc"><title id="\1-title">[^<]+<\/title><desc /,
    );
    // It scales to its container.
    assert.doesNotMatch(svg.slice(0, svg.indexOf('>')), / width=| height=/);
  });

  test(`${name}: the chart uses theme colours only`, () => {
    const svg = draw();
    const painted = svg.split('\n').filter((line) => !line.includes('fill-opacity="0"'));
    const colors = [...painted.join('\n').matchAll(/(?:fill|stroke)="([^"]+)"/g)].map(
      (match) => match[1] as string,
    );
    assert.ok(colors.length > 20);
    assert.deepEqual(
      colors.filter((color) => !/^(var\(--chart-[\w]+\)|none|transparent)$/.test(color)),
      [],
    );
    for (const color of colors.filter((one) => one.startsWith('var('))) {
      assert.ok(CHART_STYLE.includes(`${color.slice(4, -1)}:`), color);
    }
  });

  test(`${name}: equal data give equal drawings`, () => {
    assert.equal(draw(), draw());
  });
}

test('drawings of one page share no identifiers', () => {
  const ids = (svg: string): string[] =>
    [...svg.matchAll(/ id="([^"]+)"/g)].map((match) => match[1] as string);
  const one = ids(amortizationChart(amortization()));
  const other = ids(amortizationChart({ ...amortization(), recipe: 'musl' }));
  assert.ok(one.length > 0);
  assert.deepEqual(
    one.filter((id) => other.includes(id)),
    [],
  );
});

test('a crossover is marked with its M; without one there is no mark', () => {
  assert.match(amortizationChart(amortization()), />M ≈ 15,000</);
  assert.doesNotMatch(amortizationChart(amortization([14, 0.0012], [11, 0.001])), />M ≈/);
});

test('a chart page is self-contained and escapes its text', () => {
  const page = chartPage('A & <b>', amortizationChart(amortization()), 'x < y\n');
  assert.doesNotMatch(page, /<(?:script|link)\b|https?:\/\/(?!www\.w3\.org\/)/);
  assert.match(page, /<title>A &#38; &#60;b&#62;<\/title>/);
  assert.match(page, /<pre tabindex="0">x &#60; y/);
  assert.equal(escaped(`"'`), '&#34;&#39;');
});
