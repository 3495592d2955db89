// `npm pack`: the program of the package, into `dist/`.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { HOME } from '../exec/home.ts';
import { compilePackage } from './compile.ts';

const dist = join(HOME, 'dist');
rmSync(dist, { recursive: true, force: true });
mkdirSync(dist);
await compilePackage(HOME, join(dist, 'program'));
// It imports nothing at its start: without its types it is done.
writeFileSync(join(dist, 'bin.js'), stripTypeScriptTypes(readFileSync(join(HOME, 'src', 'bin.ts'), 'utf8')));
