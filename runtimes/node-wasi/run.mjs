// Runs a WASI preview 1 command in Node's own WASI, by the options of `wasmtime run` that have a meaning there:
//
//   node run.mjs [--dir HOST[::GUEST]] [--env NAME[=VALUE]] [-S inherit-env] [--argv0 NAME] MODULE [ARGUMENT...]
//
// Exit status: the program's, 134 after a trap.
import { readFileSync } from 'node:fs';
import { argv, env, exit, stderr } from 'node:process';
import { WASI } from 'node:wasi';

const preopens = {};
const given = {};
let argv0;
let at = 2;
for (; argv[at]?.startsWith('-'); at += 2) {
  const value = argv[at + 1];
  switch (argv[at]) {
    case '--dir': {
      const [host, guest = host] = value.split('::');
      preopens[guest] = host;
      break;
    }
    case '--env': {
      const equals = value.indexOf('=');
      if (equals >= 0) given[value.slice(0, equals)] = value.slice(equals + 1);
      else if (env[value] !== undefined) given[value] = env[value];
      break;
    }
    case '-S':
      Object.assign(given, env);
      break;
    case '--argv0':
      argv0 = value;
      break;
    default:
      stderr.write(`error: unknown option '${argv[at]}'\n\nUsage: node run.mjs [OPTIONS] MODULE [ARGUMENT...]\n`);
      exit(2);
  }
}
const module = argv[at];
let started = false;
try {
  const wasi = new WASI({
    version: 'preview1',
    args: [argv0 ?? module, ...argv.slice(at + 1)],
    env: given,
    preopens,
    returnOnExit: true,
  });
  const instance = await WebAssembly.instantiate(await WebAssembly.compile(readFileSync(module)), wasi.getImportObject());
  started = true;
  exit(wasi.start(instance));
} catch (error) {
  const trap = error instanceof WebAssembly.RuntimeError || error instanceof RangeError;
  const what = started ? `run main module` : `load`;
  const text = started && trap ? `wasm trap: ${error.message}` : error.message;
  stderr.write(`Error: failed to ${what} \`${module}\`\n\nCaused by:\n    ${text}\n`);
  exit(started && trap ? 134 : 1);
}
