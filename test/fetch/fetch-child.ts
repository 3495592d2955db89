// A process that fetches one package: node fetch-child.ts <store> <mirror> <package as JSON>. Prints the outcome.
import type { LockedPackage } from '../../src/domain/packages.ts';
import { openStore } from '../../src/store/open.ts';
import { fetchAll, mirrorsOf } from './fetch-all.ts';

const [folder = '', mirror = '', locked = ''] = process.argv.slice(2);
const store = await openStore(folder);
if (!store.ok) throw new Error(store.error.what);
const outcome = await fetchAll(store.value, [JSON.parse(locked) as LockedPackage], mirrorsOf(mirror), {
  idleMs: 10_000,
});
await store.value.settled();
process.stdout.write(`${JSON.stringify(outcome)}\n`);
