import { debian } from './debian/debian.ts';
import type { Distro } from './distro.ts';

/** The distribution that all definitions name packages of. A second one would be chosen by a key of the definition. */
export const distribution: Distro = debian;
