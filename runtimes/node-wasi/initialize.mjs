// Brings a module to where it shall begin, and leaves what it then is: its memory and its globals.
//
//   node initialize.mjs [--dir HOST[::GUEST]] [--env NAME=VALUE] [--argv0 NAME] MODULE MEMORY GLOBALS
//
// The module exports `wizer.initialize`, and every global that shall be kept. Exit status: the program's, where it ends
// instead of coming back; 134 after a trap.
import { readFileSync, writeFileSync } from 'node:fs';
import { argv, exit, stderr } from 'node:process';
import { WASI } from 'node:wasi';

const preopens = {};
const env = {};
let argv0;
let at = 2;
for (; argv[at]?.startsWith('-'); at += 2) {
  const value = argv[at + 1];
  if (argv[at] === '--dir') {
    const [host, guest = host] = value.split('::');
    preopens[guest] = host;
  } else if (argv[at] === '--env') env[value.slice(0, value.indexOf('='))] = value.slice(value.indexOf('=') + 1);
  else if (argv[at] === '--argv0') argv0 = value;
  else {
    stderr.write(`error: unknown option '${argv[at]}'\n`);
    exit(2);
  }
}
const [module, memory, globals] = argv.slice(at);
const wasi = new WASI({ version: 'preview1', args: [argv0 ?? module], env, preopens, returnOnExit: false });
try {
  const instance = await WebAssembly.instantiate(await WebAssembly.compile(readFileSync(module)), wasi.getImportObject());
  wasi.finalizeBindings(instance);
  instance.exports['wizer.initialize']();
  writeFileSync(memory, new Uint8Array(instance.exports.memory.buffer));
  const values = Object.entries(instance.exports)
    .filter(([, one]) => one instanceof WebAssembly.Global)
    .map(([name, { value }]) => [name, typeof value === 'bigint' ? String(value) : value]);
  writeFileSync(globals, JSON.stringify(Object.fromEntries(values)));
} catch (error) {
  stderr.write(`Error: failed to initialize \`${module}\`\n\nCaused by:\n    ${error.message}\n`);
  exit(134);
}
