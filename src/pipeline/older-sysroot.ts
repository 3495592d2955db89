import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Settings } from '../domain/context.ts';
import type { Plan } from '../domain/plan.ts';

/** The sysroot whose Python is built on the oldest glibc there is. */
const OLDEST = 'portable-gnu';

/** Its name, where it is there for the target and the Python of a plan that takes another one. */
export function olderSysroot({ home }: Pick<Settings, 'home'>, { sysroot }: Plan): string | undefined {
  const [form, python = '', target] = sysroot.name.split('/');
  const locked = existsSync(join(home, 'sysroots', OLDEST, python, `${target}.lock`));
  return locked && form !== OLDEST ? OLDEST : undefined;
}
