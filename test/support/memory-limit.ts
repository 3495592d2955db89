import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

type After = { after(done: () => void | Promise<void>): void };

/** Where the kernel counts memory of groups of processes, and the file of the limit: cgroups(7), version 1 and 2. */
const HIERARCHIES = [
  { root: '/sys/fs/cgroup/memory', limit: 'memory.limit_in_bytes' },
  { root: '/sys/fs/cgroup', limit: 'memory.max' },
];

/**
 * What stands in front of a command so that it and what it starts have that much memory together; undefined where no such
 * group can be made (an ordinary user, a container).
 */
export function memoryLimit(t: After, bytes: number): readonly string[] | undefined {
  for (const { root, limit } of HIERARCHIES) {
    const group = join(root, `provision-test-${process.pid}`);
    try {
      mkdirSync(group);
    } catch {
      continue;
    }
    t.after(() => removed(group));
    if (!existsSync(join(group, limit))) continue;
    writeFileSync(join(group, limit), `${bytes}`);
    const enter = 'echo 0 > "$0/cgroup.procs"; exec "$@"';
    if (spawnSync('sh', ['-ec', enter, group, 'true']).status === 0) return ['sh', '-ec', enter, group];
  }
  return undefined;
}

/** A group is removed when its last process is gone. */
async function removed(group: string): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    try {
      rmdirSync(group);
      return;
    } catch (error) {
      if (tries > 50) throw error;
      await setTimeout(100);
    }
  }
}
