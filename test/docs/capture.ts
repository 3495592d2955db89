// Runs `provision aarch64` in a pseudo-terminal of 80 columns and writes what it shows as docs/aarch64.svg:
//   ./provision --run-node test/docs/capture.ts
// With an empty store, so that every stage is seen at work; PROVISION_CAPTURE_STORE names another one.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { terminalSvg } from './terminal-svg.ts';

const COLUMNS = 80;
const home = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const folder = mkdtempSync(join(tmpdir(), 'provision-capture-'));
const store = process.env.PROVISION_CAPTURE_STORE ?? join(folder, 'store');
const command = './provision aarch64';
// script(1) makes the terminal; what it records is what the terminal was sent.
const { status, error } = spawnSync(
  'script',
  ['-qefc', `stty rows 40 cols ${COLUMNS}; ${command}`, join(folder, 'typescript')],
  {
    cwd: home,
    // The record is what is read.
    stdio: ['ignore', 'ignore', 'inherit'],
    encoding: 'utf8',
    env: {
      ...process.env,
      TERM: 'xterm-256color',
      PROVISION_STORE: store,
      NO_COLOR: undefined,
      CI: undefined,
    },
  },
);
if (error !== undefined || status !== 0) throw error ?? new Error(`${command} ended with status ${status}`);
const recorded = readTypescript(join(folder, 'typescript'));
const title =
  'provision aarch64: toolchain, libpython and program are made, and the samples give the same bytes as CPython';
writeFileSync(join(home, 'docs', 'aarch64.svg'), terminalSvg(title, command, recorded, COLUMNS));
rmSync(folder, { recursive: true, force: true });

/** Without the lines that script(1) itself puts at both ends. */
function readTypescript(file: string): string {
  const text = readFileSync(file, 'utf8');
  return text.replace(/^Script started[^\n]*\n/, '').replace(/\r?\nScript done[\s\S]*$/, '');
}
