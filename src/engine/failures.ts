import type { Failure } from '../failure.ts';

// Refusals that all engines share.

export function noMountPoint(at: string, why: string): Failure {
  return {
    code: 'engine/no-mount-point',
    what: `Nothing can be mounted at ${at} in the sandbox.`,
    why,
    fix: [`Mount it at another place, or make ${at} part of what it lies in.`],
  };
}

export function mountSourceMissing(source: string, at: string, code: string): Failure {
  const how = code === 'EACCES' ? 'may not be read by you' : 'does not exist';
  return {
    code: 'engine/mount-source-missing',
    what: `${source}, to be seen at ${at} in the sandbox, ${how}.`,
    fix: ['Check the path and its permissions.'],
  };
}

export function rootMissing(rootfs: string): Failure {
  return {
    code: 'engine/rootfs-missing',
    what: `The root tree ${rootfs} is not a folder.`,
    fix: ['Run the same command again: a tree that is missing from the store is made anew.'],
  };
}

export function cannotStart(program: string, message: string): Failure {
  return {
    code: 'engine/cannot-start',
    what: `The program "${program}" could not be started in the sandbox.`,
    fix: ['See the message of the system below.'],
    evidence: [message],
  };
}

export function commandNotFound(program: string, why: string, evidence: readonly string[] = []): Failure {
  return {
    code: 'engine/command-not-found',
    what: `The program "${program}" cannot be run in the sandbox.`,
    why,
    fix: [`Add what brings "${program}" to the definition of that root tree, or correct the name or PATH.`],
    ...(evidence.length > 0 ? { evidence } : {}),
  };
}

export function noWorkingFolder(cwd: string): Failure {
  return {
    code: 'engine/no-working-folder',
    what: `The sandbox has no folder ${cwd} to run a command in.`,
    fix: ['Mount something there, or choose a folder that exists.'],
  };
}

export function cannotCopy(from: string, to: string, why: string, evidence: readonly string[] = []): Failure {
  return {
    code: 'engine/cannot-copy',
    what: `${from} cannot be copied to ${to}.`,
    why,
    fix: ['Check what the commands in the sandbox left there.'],
    ...(evidence.length > 0 ? { evidence } : {}),
  };
}
