import type { Advice } from '../distro.ts';
import { packageOfLibrary } from './names.ts';
import { MIRROR_VARIABLE } from './settings.ts';

/** Program → the package that brings it. */
const PROGRAMS: Readonly<Record<string, string>> = {
  xz: 'xz-utils',
  flock: 'util-linux',
  unshare: 'util-linux',
  nsenter: 'util-linux',
  setpriv: 'util-linux',
  mount: 'mount',
};

export const advice: Advice = {
  otherMirror: `Name another mirror: \`${MIRROR_VARIABLE}=<address ending in /debian>\`.`,
  // Its registrations have the flag `F`: the emulator need not be in a program's root.
  registerEmulators: 'sudo apt-get install qemu-user-static',
  packageOf: (program) => PROGRAMS[program],
  packageOfLibrary,
  placeholders: ({ debianArch }) => ({ debian_arch: debianArch }),
};
