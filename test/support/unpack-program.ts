// Unpacks the packages given as arguments into the folder given last, which is made, and prints the outcome.
import { mkdirSync } from 'node:fs';
import { unpackFiles } from './unpacking.ts';

const files = process.argv.slice(2);
const root = files.pop() as string;
mkdirSync(root);
const jobs = Number(process.env.JOBS ?? 1);
const outcome = await unpackFiles(root, files, { jobs });
const memory = process.env.REPORT_MEMORY ? { rss: process.resourceUsage().maxRSS * 1024 } : {};
process.stdout.write(`${JSON.stringify({ ...outcome, ...memory })}\n`);
