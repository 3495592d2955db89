import type { Digest } from '../../domain/ids.ts';
import type { Failure } from '../../failure.ts';
import { formatReference, type Reference } from './reference.ts';

export function denied(name: string, message: string): Failure {
  return {
    code: 'fetch/registry-login',
    what: `The registry of ${name} asks for a login that may do this.`,
    fix: ['Log in: `docker login <host>` (what it keeps is read here).'],
    evidence: [message],
  };
}

export function absent(name: string, message: string): Failure {
  return {
    code: 'fetch/registry-absent',
    what: `There is no ${name}.`,
    fix: ['Check the name and the tag.', 'Push it first: `provision image push <reference>`.'],
    evidence: [message],
  };
}

export function refusedBy(name: string, message: string): Failure {
  return {
    code: 'fetch/registry',
    what: `The registry of ${name} refused.`,
    fix: ['See its message below.'],
    evidence: [message],
  };
}

export function unreachableRegistry(name: string, message: string): Failure {
  return {
    code: 'fetch/registry-unreachable',
    what: `The registry of ${name} cannot be reached.`,
    fix: ['Check the name, the network, the proxy settings and the CA bundle: `provision doctor`.'],
    evidence: [message],
  };
}

export function differs(reference: Reference, part: string, wanted: Digest, got: Digest): Failure {
  return {
    code: 'fetch/registry-digest',
    what: `The ${part} of ${formatReference(reference)} is not what its digest says; nothing of it was kept.`,
    why: `Expected ${wanted}, got ${got}.`,
    fix: ['Push the image again.', 'Look whether something on the way answers in place of the registry.'],
  };
}

export function foreign(reference: Reference, why: string): Failure {
  return {
    code: 'fetch/registry-foreign',
    what: `${formatReference(reference)} was not made by \`provision image push\`.`,
    why,
    fix: ['Name an image that was.'],
  };
}
