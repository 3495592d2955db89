// Unpacks the packages given as arguments into the folder given last, which is made, and prints the outcome.
import { mkdirSync, readFileSync } from 'node:fs';
import { unpackFiles } from './unpacking.ts';

const files = process.argv.slice(2);
const root = files.pop() as string;
mkdirSync(root);
const jobs = Number(process.env.JOBS ?? 1);
const outcome = await unpackFiles(root, files, { jobs });
// Not `maxRSS`: that counts what the process had before `exec`, which is its parent's.
const high = (): number => Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
const memory = process.env.REPORT_MEMORY ? { rss: high() * 1024 } : {};
process.stdout.write(`${JSON.stringify({ ...outcome, ...memory })}\n`);
