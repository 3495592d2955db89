import { crossoverText } from '../charts/amortization.ts';
import type { Amortization, AmortizationFit } from '../domain/amortization.ts';
import type { Estimate } from '../domain/measured.ts';
import { runtimeCapabilities } from '../runtime/runtime.ts';

const COLUMNS = [9, 12, 12, 11, 8, 7] as const;
const HEAD = ['M', 'python3 ms', 'isolate ms', 'delta ms', 'ratio', 'exact'];

/** The table, the fit and the crossover, within 80 columns. */
export function amortizationText(data: Amortization): string {
  const runs = data.points[0]?.python.runs.length ?? 0;
  const rows = data.points.map(({ rounds, python, isolate, delta, ratio, exact }) => [
    String(rounds),
    python.median.toFixed(2),
    isolate.median.toFixed(2),
    signed(delta, 2),
    ratio.toFixed(3),
    exact ? 'yes' : 'NO',
  ]);
  const what = data.clock === 'wall' ? 'launch to exit' : 'CPU time';
  return [
    `Amortization on ${data.recipe} (${data.target.triple})`,
    `${what}, median of ${runs} interleaved ${runs === 1 ? 'run' : 'runs'} after ${data.warmUp} warm-up`,
    ...(runtimeCapabilities(data.runner).emulated
      ? [`the isolate in ${data.runner}, ${data.reference} natively: the tax is mostly emulation`]
      : []),
    '',
    ...[HEAD, ...rows].map((row) => row.map((word, i) => word.padStart(COLUMNS[i] as number)).join('')),
    '',
    ...(data.fit === undefined ? [] : fitLines(data.fit)),
    '',
  ].join('\n');
}

function fitLines(fit: AmortizationFit): readonly string[] {
  const { launchSaving: saving } = fit;
  const launch =
    saving.value >= 0
      ? `saves ${range(saving, 'ms', 2)}`
      : `costs ${range({ value: -saving.value, low: -saving.high, high: -saving.low }, 'ms', 2)}`;
  const tax = { value: fit.tax.value * 100, low: fit.tax.low * 100, high: fit.tax.high * 100 };
  return [
    line('launch', `${fit.isolateLaunch.toFixed(2)} ms against ${fit.pythonLaunch.toFixed(2)} ms`, launch),
    line(
      'a round',
      `${step(fit.isolateStep)} against ${step(fit.pythonStep)}`,
      `tax ${range(tax, '%', 1, true)}`,
    ),
    `crossover  ${crossoverText(fit.crossover)}`,
  ];
}

/** `name  what: result`, wrapped after the colon where it exceeds 80 columns. */
function line(name: string, what: string, result: string): string {
  const whole = `${name.padEnd(11)}${what}: ${result}`;
  return whole.length <= 80 ? whole : `${name.padEnd(11)}${what}:\n${' '.repeat(11)}${result}`;
}

/** `3.20 ms (95 %: 3.05 to 3.31)`. */
function range({ value, low, high }: Estimate, unit: string, digits: number, sign = false): string {
  const number = (n: number): string => (sign ? signed(n, digits) : n.toFixed(digits));
  return `${number(value)} ${unit} (95 %: ${number(low)} to ${number(high)})`;
}

function step(nanoseconds: number): string {
  if (nanoseconds < 1e3) return `${nanoseconds.toFixed(0)} ns`;
  return nanoseconds < 1e6 ? `${(nanoseconds / 1e3).toFixed(3)} µs` : `${(nanoseconds / 1e6).toFixed(3)} ms`;
}

export function signed(value: number, digits: number): string {
  const text = value.toFixed(digits);
  return value < 0 || Number(text) === 0 ? text : `+${text}`;
}
