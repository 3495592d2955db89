import type { Failure } from '../../failure.ts';
import type { Refusal } from './setup.ts';

/** The probe has seen a sandbox work here, and this one did not come up. */
export function sandboxFailed(refusal: Refusal): Failure {
  const what: Readonly<Record<Refusal['step'], string>> = {
    unshare: 'its namespaces were refused',
    keeper: 'its inner user namespace was refused',
    map: 'its user ids could not be mapped',
    mount: 'a mount was refused',
    loopback: 'its loopback could not be brought up',
    hostname: 'its host name could not be set',
    emulation: 'its emulator could not be registered',
    pivot: 'its root could not be entered',
    time: 'setting it up took too long',
  };
  return {
    code: 'engine/sandbox-failed',
    what: `A sandbox could not be set up: ${what[refusal.step]}.`,
    fix: [
      'See the message of the system below; a machine out of memory, processes or namespaces refuses too.',
    ],
    evidence: refusal.evidence,
  };
}
