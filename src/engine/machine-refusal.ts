import type { Failure } from '../failure.ts';

interface Refusal {
  /** Words of strerror(3), and the number that Rust's standard library adds to them. */
  readonly says: RegExp;
  readonly failure: Pick<Failure, 'code' | 'why' | 'fix'>;
}

/** That a file system is read-only is none of these: most of a sandbox is, and a build that writes there is wrong. */
const REFUSALS: readonly Refusal[] = [
  {
    says: /No space left on device|Disk quota exceeded|\(os error (?:28|122)\)/,
    failure: {
      code: 'store/no-space',
      why: 'The disk of the store is full, or its quota is used up.',
      fix: [
        'Free space there: `provision clean` removes what has not been used lately, `df -h` and `df -i` show what is left.',
        'Or put the store on a larger disk with `--store <folder>`.',
      ],
    },
  },
  {
    says: /Input\/output error|Structure needs cleaning|\(os error (?:5|117)\)/,
    failure: {
      code: 'store/disk-error',
      why: 'The disk of the store failed.',
      fix: [
        'Check `dmesg` for errors of that disk.',
        'Put the store on another disk with `--store <folder>`.',
      ],
    },
  },
  {
    says: /File name too long|\(os error 36\)/,
    failure: {
      code: 'store/name-too-long',
      why: 'The file system of the store does not take names, or paths, that are as long.',
      fix: ['Choose a shorter path, or another file system, with `--store <folder>`.'],
    },
  },
  {
    says: /Too many open files|\(os error (?:23|24)\)/,
    failure: {
      code: 'store/too-many-open-files',
      why: 'This process, or the machine, may not open more files.',
      fix: ['Raise the limit with `ulimit -n 4096`, or take fewer jobs with `--jobs`.'],
    },
  },
];

/** What a failing tool printed that the machine refused to it: then neither the tool nor its input is to blame. */
export function machineRefusal(output: string): Refusal['failure'] | undefined {
  return REFUSALS.find(({ says }) => says.test(output))?.failure;
}
