import { elfProgram } from './elf-program.ts';
import { INSTRUCTIONS, LAST, type ProgramMachine } from './instructions.ts';
import { BINFMT_MISC } from './registration.ts';

/** What a registrar does before it becomes the program; where one is refused it says which, and ends. */
export const REGISTRAR_STEPS = [
  'namespaces',
  'ids',
  'mount',
  'register',
  'own namespace',
  'own ids',
  'program',
] as const;

export type RegistrarStep = (typeof REGISTRAR_STEPS)[number];

/** Exit status of a registrar that could not become the program. */
export const NOT_BECOME = 127;

/** All that it prints then, on standard error. */
export function registrarMessage(step: RegistrarStep): string {
  return `provision: emulator not registered: ${step}\n`;
}

export interface RegistrarInput {
  /** A line of binfmt_misc. */
  readonly line: string;
  /** Of those who run it, and of the programs: they stay the same. */
  readonly uid: number;
  readonly gid: number;
}

/** unshare(2): a user namespace, a mount namespace; open(2): for writing, closed by execve(2); of the current folder. */
const NEW_USER = 0x1000_0000;
const NEW_MOUNTS = 0x2_0000;
const WRITE_CLOSED = 0x8_0001;
const CURRENT = -100;
const STDERR = 2;

const TYPE = 'binfmt_misc';

/**
 * A program that registers an emulator in a user namespace of its own and then becomes the program that its arguments name, by
 * an absolute path: in a container, whose root tree may hold no program of its machine. Its programs are in a further user
 * namespace, with the ids that they had and no power over the mount.
 */
export function registrarProgram(machine: ProgramMachine, { line, uid, gid }: RegistrarInput): Buffer {
  const { elfMachine, prepare, execute, call, exit } = INSTRUCTIONS[machine];
  const outer = idFiles([0, 0], [uid, gid]);
  const inner = idFiles([uid, gid], [0, 0]);
  // user_namespaces(7): who has no power over other groups denies setgroups(2) before a group is mapped.
  const denied = ['/proc/self/setgroups', 'deny'] as const;
  const register = [`${BINFMT_MISC}/register`, line] as const;
  const messages = REGISTRAR_STEPS.map(registrarMessage);
  const strings = [...outer, ...inner, denied, register].flat();
  return elfProgram(elfMachine, [...strings, ...messages, TYPE, BINFMT_MISC], (address) => {
    const end = (step: RegistrarStep): Buffer => {
      const message = registrarMessage(step);
      const say = call('write', [STDERR, address(message), message.length], Buffer.alloc(0));
      return Buffer.concat([say, exit(NOT_BECOME)]);
    };
    const write = ([file, text]: readonly [string, string], step: RegistrarStep): Buffer =>
      Buffer.concat([
        call('openat', [CURRENT, address(file), WRITE_CLOSED], end(step)),
        call('write', [LAST, address(text), Buffer.byteLength(text)], end(step)),
      ]);
    const mount = [address(TYPE), address(BINFMT_MISC), address(TYPE), 0, 0];
    return Buffer.concat([
      call('unshare', [NEW_USER | NEW_MOUNTS], end('namespaces')),
      ...[denied, ...outer].map((one) => write(one, 'ids')),
      call('mount', mount, end('mount')),
      write(register, 'register'),
      call('unshare', [NEW_USER], end('own namespace')),
      ...inner.map((one) => write(one, 'own ids')),
      ...[prepare, execute(2, 2), end('program')],
    ]);
  });
}

/** Files of a process and what makes ids of one user namespace those of the one around it. */
function idFiles(
  inside: readonly [uid: number, gid: number],
  outside: readonly [uid: number, gid: number],
): readonly (readonly [string, string])[] {
  return ['uid_map', 'gid_map'].map((file, index) => [
    `/proc/self/${file}`,
    `${inside[index]} ${outside[index]} 1`,
  ]);
}
