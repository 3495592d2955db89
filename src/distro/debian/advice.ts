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
  packageOf: (program) => PROGRAMS[program],
  packageOfLibrary,
  placeholders: ({ debianArch }) => ({ debian_arch: debianArch }),
};
