// Builds every shipped recipe for glibc and measures the oldest glibc that its bundle starts on, for the README's table:
//   ./provision --run-node test/docs/measure-floors.ts [<recipe>…]
// `native` compiles CPython from its source. Writes test/docs/glibc-floors.json.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import floors from './glibc-floors.json' with { type: 'json' };

const home = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const folder = mkdtempSync(join(tmpdir(), 'provision-floors-'));
const sample = join(folder, 'one.py');
writeFileSync(sample, 'print(1)\n');
const named = process.argv.slice(2);
const measured: Record<string, string> = { ...floors };
for (const recipe of named.length > 0 ? named : Object.keys(floors)) {
  const artifacts = join(folder, recipe);
  provision(['run', recipe, '--samples', sample, '--artifacts', artifacts]);
  const bundle = readdirSync(artifacts).find((name) => name.endsWith('.tar.gz')) as string;
  const { libc } = JSON.parse(provision(['inspect', join(artifacts, bundle), '--json'])) as {
    readonly libc: { readonly floor: string };
  };
  measured[recipe] = libc.floor;
}
const sorted = Object.fromEntries(
  Object.entries(measured).sort(([one], [other]) => one.localeCompare(other)),
);
writeFileSync(join(home, 'test', 'docs', 'glibc-floors.json'), `${JSON.stringify(sorted, undefined, 2)}\n`);
rmSync(folder, { recursive: true, force: true });

function provision(args: readonly string[]): string {
  const { status, stdout } = spawnSync(join(home, 'provision'), args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (status !== 0) throw new Error(`provision ${args.join(' ')} ended with status ${status}`);
  return stdout;
}
