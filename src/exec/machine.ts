import { machine } from 'node:os';

/** Other names of machines, of the kernels of macOS and FreeBSD → Linux's. */
const LINUX_NAMES: Readonly<Record<string, string>> = { arm64: 'aarch64', amd64: 'x86_64' };

/** Architecture of this machine, as Linux names it (`uname -m`): an engine's kernel is Linux on every system. */
export function machineName(name: string = machine()): string {
  return LINUX_NAMES[name] ?? name;
}
