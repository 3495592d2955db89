import type { ProgramFormat } from './program.ts';

/** Programs of Linux. What is linked into them is read when they are bundled. */
export const ELF: ProgramFormat = {
  suffix: '',
  machineCode: true,
  markers: { os_name: 'posix', sys_platform: 'linux', platform_system: 'Linux' },
  sharedLibraries: true,
  findsLibrary: 'The program is linked with what finds the standard library in its bundle.',
  unreadData: {},
  runsOn: 'nothing of the system',
  check: async () => undefined,
  bundleInputs: () => ({}),
  addToBundle: async () => {},
};
