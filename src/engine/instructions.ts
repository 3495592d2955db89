/**
 * The few instructions that the programs of this folder consist of. Words are those of the stack as a program finds it: word 0
 * has the number of arguments, those from 1 on have the arguments (System V ABI, "Process Initialization"); words below 0 are
 * free.
 */
interface Instructions {
  /** `e_machine` of elf(5). */
  readonly elfMachine: number;
  /** Remembers what is needed of the stack before it is changed: to stand first. Then exchanges two words. */
  swap(one: number, other: number): Buffer;
  setWord(index: number, value: number): Buffer;
  /** execve(2) of the path at an address with the words from `first` on, and the environment. Goes on where it fails. */
  execute(path: number, first: number): Buffer;
  exit(status: number): Buffer;
}

const WORD = 8;

/** Intel's manual, volume 2; system calls: syscall(2), unistd_64.h. */
const X86_64: Instructions = {
  elfMachine: 62,
  swap: (one, other) =>
    Buffer.concat([
      // mov rax, [rsp]; lea rdx, [rsp + rax*8 + 16]
      Buffer.from('488b0424488d54c410', 'hex'),
      // mov rax, [rsp + one]; mov rcx, [rsp + other]; mov [rsp + other], rax; mov [rsp + one], rcx
      ...[Buffer.from('488b8424', 'hex'), int32(one * WORD)],
      ...[Buffer.from('488b8c24', 'hex'), int32(other * WORD)],
      ...[Buffer.from('48898424', 'hex'), int32(other * WORD)],
      ...[Buffer.from('48898c24', 'hex'), int32(one * WORD)],
    ]),
  // mov eax, value; mov [rsp + index], rax
  setWord: (index, value) =>
    Buffer.concat([
      ...[Buffer.from('b8', 'hex'), int32(value)],
      ...[Buffer.from('48898424', 'hex'), int32(index * WORD)],
    ]),
  // mov edi, path; lea rsi, [rsp + first]; mov eax, 59; syscall
  execute: (path, first) =>
    Buffer.concat([
      ...[Buffer.from('bf', 'hex'), int32(path)],
      ...[Buffer.from('488db424', 'hex'), int32(first * WORD)],
      Buffer.from('b83b0000000f05', 'hex'),
    ]),
  // mov edi, status; mov eax, 60; syscall
  exit: (status) =>
    Buffer.concat([Buffer.from('bf', 'hex'), int32(status), Buffer.from('b83c0000000f05', 'hex')]),
};

/** Arm's manual, C6; system calls: asm-generic/unistd.h. The stack stays in x9: sp itself has to be a multiple of 16. */
const AARCH64: Instructions = {
  elfMachine: 183,
  swap: (one, other) =>
    codes(
      // mov x9, sp; ldr x0, [x9]; add x2, x9, #16; add x2, x2, x0, lsl #3
      ...[0x910003e9, 0xf9400120, 0x91004122, 0x8b000c42],
      // ldr x3, [x9 + one]; ldr x4, [x9 + other]; str x3, [x9 + other]; str x4, [x9 + one]
      ...[0xf9400123 | (one << 10), 0xf9400124 | (other << 10)],
      ...[0xf9000123 | (other << 10), 0xf9000124 | (one << 10)],
    ),
  // movz, movk x5, value; stur x5, [x9 + index]
  setWord: (index, value) => codes(...move(5, value), 0xf8000125 | (((index * WORD) & 0x1ff) << 12)),
  // movz, movk x0, path; add or sub x1, x9, first; movz x8, 221; svc 0
  execute: (path, first) =>
    codes(
      ...move(0, path),
      (first < 0 ? 0xd1000121 : 0x91000121) | ((Math.abs(first) * WORD) << 10),
      ...[0xd2800008 | (221 << 5), 0xd4000001],
    ),
  // movz, movk x0, status; movz x8, 93; svc 0
  exit: (status) => codes(...move(0, status), 0xd2800008 | (93 << 5), 0xd4000001),
};

/** The machines that programs are made for, as `uname -m` names them: those that toolchains are for. */
export const INSTRUCTIONS = { x86_64: X86_64, aarch64: AARCH64 } as const;

export type ProgramMachine = keyof typeof INSTRUCTIONS;

export function isProgramMachine(machine: string): machine is ProgramMachine {
  return Object.hasOwn(INSTRUCTIONS, machine);
}

/** movz and movk: the lower 32 bits of a register, the rest zero. */
function move(register: number, value: number): readonly number[] {
  const [low, high] = [value & 0xffff, value >>> 16];
  return [0xd2800000 | (low << 5) | register, 0xf2a00000 | (high << 5) | register];
}

function codes(...instructions: readonly number[]): Buffer {
  return Buffer.concat(instructions.map((code) => int32(code | 0)));
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
}
