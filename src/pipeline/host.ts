import { machine, platform } from 'node:os';

/** The machine that the tool runs on, as `uname` names it. */
export function hostMachine(): { readonly machine: string; readonly platform: string } {
  return { machine: machine(), platform: platform() };
}
