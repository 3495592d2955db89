import type { SystemData } from '../domain/system-data.ts';
import type { Runs } from './result.ts';

/** What Python says where a system lacks data that a bundle can bring. */
const SIGNS: Readonly<Partial<Record<SystemData, RegExp>>> = {
  certificates:
    /CERTIFICATE_VERIFY_FAILED\] certificate verify failed: unable to get (?:local )?issuer certificate/,
  zoneinfo: /ZoneInfoNotFoundError: '?No time zone found with key/,
  services: /OSError: (?:service|port)\/proto not found/,
};

/** What to write into the recipe where a run lacked data of its system that the reference had; none where that is not so. */
export function curesOfLacking({ reference, target }: Runs): readonly string[] {
  const says = (run: Runs['target'], sign: RegExp): boolean =>
    [run.stderr, run.stdout].some((bytes) => sign.test(Buffer.from(bytes).toString('latin1')));
  return Object.entries(SIGNS)
    .filter(([, sign]) => says(target, sign) && !says(reference, sign))
    .map(
      ([data]) => `Write \`${data}: bundled\` into the recipe: the bundle then brings what the system lacks.`,
    );
}
