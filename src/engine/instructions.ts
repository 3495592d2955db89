/**
 * The few instructions that programs of `elf-program.ts` consist of. Words are those of the stack as a program finds it: word 0
 * has the number of arguments, those from 1 on have the arguments, the program's own name first (System V ABI, "Process
 * Initialization"); words below 0 are free.
 */
interface Instructions {
  /** `e_machine` of elf(5). */
  readonly elfMachine: number;
  readonly calls: Readonly<Record<SystemCall, number>>;
  /** Finds the environment, which `execute` passes on. Needs word 0 as it was. */
  readonly prepare: Buffer;
  /** Exchanges two words. */
  swap(one: number, other: number): Buffer;
  setWord(index: number, value: number): Buffer;
  /** execve(2) of the path that word `path` points to, with the words from `first` on. Goes on where it fails. */
  execute(path: number, first: number): Buffer;
  /** A call, and what is done where it fails. `LAST` is what the one before it returned. */
  call(name: SystemCall, args: readonly Argument[], failed: Buffer): Buffer;
  exit(status: number): Buffer;
}

export type SystemCall = 'openat' | 'write' | 'mount' | 'unshare' | 'execve' | 'exit';

/** What the call before returned: a first argument only. */
export const LAST = 'last';
export type Argument = number | typeof LAST;

const WORD = 8;

/** mov edi, esi, edx, r10d, r8d: the value follows. */
const X86_64_ARGUMENTS = ['bf', 'be', 'ba', '41ba', '41b8'];

/** Intel's manual, volume 2; system calls: syscall(2), unistd_64.h. */
const X86_64: Instructions = {
  elfMachine: 62,
  calls: { openat: 257, write: 1, mount: 165, unshare: 272, execve: 59, exit: 60 },
  // mov rax, [rsp]; lea rdx, [rsp + rax*8 + 16]
  prepare: hex('488b0424488d54c410'),
  // mov rax, [rsp + one]; mov rcx, [rsp + other]; mov [rsp + other], rax; mov [rsp + one], rcx
  swap: (one, other) =>
    Buffer.concat([
      ...[hex('488b8424'), int32(one * WORD), hex('488b8c24'), int32(other * WORD)],
      ...[hex('48898424'), int32(other * WORD), hex('48898c24'), int32(one * WORD)],
    ]),
  // mov eax, value; mov [rsp + index], rax
  setWord: (index, value) => Buffer.concat([hex('b8'), int32(value), hex('48898424'), int32(index * WORD)]),
  // mov rdi, [rsp + path]; lea rsi, [rsp + first]; mov eax, execve; syscall
  execute: (path, first) =>
    Buffer.concat([
      ...[hex('488bbc24'), int32(path * WORD), hex('488db424'), int32(first * WORD)],
      ...[hex('b8'), int32(X86_64.calls.execve), hex('0f05')],
    ]),
  call: (name, args, failed) => {
    const values = args.map((value, index) =>
      // mov edi, eax
      value === LAST ? hex('89c7') : Buffer.concat([hex(X86_64_ARGUMENTS[index] as string), int32(value)]),
    );
    // mov eax, call; syscall; test rax, rax; jns over the rest
    return Buffer.concat([
      ...[...values, hex('b8'), int32(X86_64.calls[name]), hex('0f05')],
      ...[hex('4885c079'), Buffer.from([failed.length]), failed],
    ]);
  },
  // mov edi, status; mov eax, exit; syscall
  exit: (status) =>
    Buffer.concat([hex('bf'), int32(status), hex('b8'), int32(X86_64.calls.exit), hex('0f05')]),
};

/** Arm's manual, C6; system calls: asm-generic/unistd.h. The stack is read through x9: sp itself has to be a multiple of 16. */
const AARCH64: Instructions = {
  elfMachine: 183,
  calls: { openat: 56, write: 64, mount: 40, unshare: 97, execve: 221, exit: 93 },
  // mov x9, sp; ldr x0, [x9]; add x2, x9, #16; add x2, x2, x0, lsl #3
  prepare: codes(0x910003e9, 0xf9400120, 0x91004122, 0x8b000c42),
  // ldr x3, [x9 + one]; ldr x4, [x9 + other]; str x3, [x9 + other]; str x4, [x9 + one]
  swap: (one, other) =>
    codes(
      ...[0xf9400123 | (one << 10), 0xf9400124 | (other << 10)],
      ...[0xf9000123 | (other << 10), 0xf9000124 | (one << 10)],
    ),
  // movz, movk x5, value; stur x5, [x9 + index]
  setWord: (index, value) => codes(...move(5, value), 0xf8000125 | (((index * WORD) & 0x1ff) << 12)),
  // ldur x0, [x9 + path]; sub or add x1, x9, first; movz, movk x8, execve; svc 0
  execute: (path, first) =>
    codes(
      0xf8400120 | (((path * WORD) & 0x1ff) << 12),
      (first < 0 ? 0xd1000121 : 0x91000121) | ((Math.abs(first) * WORD) << 10),
      ...[...move(8, AARCH64.calls.execve), 0xd4000001],
    ),
  call: (name, args, failed) => {
    const values = args.flatMap((value, index) => (value === LAST ? [] : move(index, value)));
    // svc 0; tbz x0, #63, over the rest
    const over = 0xb6000000 | (31 << 19) | ((failed.length / 4 + 1) << 5);
    return Buffer.concat([codes(...values, ...move(8, AARCH64.calls[name]), 0xd4000001, over), failed]);
  },
  // movz, movk x0, status; movz, movk x8, exit; svc 0
  exit: (status) => codes(...move(0, status), ...move(8, AARCH64.calls.exit), 0xd4000001),
};

/** The machines that programs are made for, as `uname -m` names them: those that toolchains are for. */
export const INSTRUCTIONS = { x86_64: X86_64, aarch64: AARCH64 } as const;

export type ProgramMachine = keyof typeof INSTRUCTIONS;

export function isProgramMachine(machine: string): machine is ProgramMachine {
  return Object.hasOwn(INSTRUCTIONS, machine);
}

/** movz and movk: the lower 32 bits of a register, the rest zero. */
function move(register: number, value: number): readonly number[] {
  const [low, high] = [value & 0xffff, (value >>> 16) & 0xffff];
  return [0xd2800000 | (low << 5) | register, 0xf2a00000 | (high << 5) | register];
}

function codes(...instructions: readonly number[]): Buffer {
  return Buffer.concat(instructions.map(int32));
}

function hex(bytes: string): Buffer {
  return Buffer.from(bytes, 'hex');
}

/** The lower 32 bits, little-endian. */
function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value | 0);
  return bytes;
}
