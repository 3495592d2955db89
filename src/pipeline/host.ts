import { readFileSync } from 'node:fs';
import { platform, release } from 'node:os';
import { defined } from '../domain/defined.ts';
import { machineName } from '../exec/machine.ts';
import type { HostSystem } from '../run/host-start.ts';

/** The machine that the tool runs on, as Linux and Node name it. */
export function hostMachine(): { readonly machine: string; readonly platform: string } {
  return { machine: machineName(), platform: platform() };
}

/** Its operating system. */
export function hostSystem(): HostSystem {
  return { name: systemName() ?? platform(), kernel: release(), ...defined({ glibc: glibcVersion() }) };
}

/** os-release(5). */
function systemName(): string | undefined {
  for (const file of ['/etc/os-release', '/usr/lib/os-release']) {
    try {
      const line = /^PRETTY_NAME=(["']?)(.*)\1$/m.exec(readFileSync(file, 'utf8'));
      if (line?.[2]) return line[2];
    } catch {
      // The other one.
    }
  }
  return undefined;
}

/** Version of the glibc that Node runs with: the machine's. */
function glibcVersion(): string | undefined {
  // Without it the report looks up names of network interfaces.
  Object.assign(process.report, { excludeNetwork: true });
  const { header } = process.report.getReport() as { readonly header?: { glibcVersionRuntime?: string } };
  return header?.glibcVersionRuntime;
}
