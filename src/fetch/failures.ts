import { distribution } from '../distro/distribution.ts';
import { withoutLogin } from '../domain/address.ts';
import type { LockedPackage } from '../domain/packages.ts';
import type { Failure } from '../failure.ts';
import type { CertificateProblem, Problem } from './problem.ts';

export interface MirrorFailure {
  readonly mirror: string;
  readonly problem: Exclude<Problem, { readonly kind: 'own' }>;
}

/** Why no mirror gave a package. What the worst mirror did decides: bytes that are wrong come before all else. */
export function packageFailure(locked: LockedPackage, failures: readonly MirrorFailure[]): Failure {
  const evidence = failures.map(
    ({ mirror, problem }) => `${withoutLogin(mirror)}/${locked.path}: ${problem.detail}`,
  );
  const some = (...kinds: readonly Problem['kind'][]): boolean =>
    failures.some(({ problem }) => kinds.includes(problem.kind));
  if (some('wrong-bytes')) return wrongBytes(locked, evidence);
  if (some('absent')) return notFound(locked, evidence);
  if (some('refused')) return refused(locked, evidence);
  if (some('busy')) return busy(locked, evidence);
  if (some('cut-off')) return cutOff(locked, evidence);
  return noNetwork(failures, evidence);
}

/** Several packages that no mirror has, as one failure. */
export function notFoundAll(failures: readonly Failure[]): Failure {
  const [first] = failures;
  if (first === undefined) throw new Error('nothing is missing');
  if (failures.length === 1) return first;
  return {
    ...first,
    what: `No mirror has ${failures.length} of the locked packages any more.`,
    evidence: failures.flatMap((failure) => failure.evidence ?? []),
    also: failures,
  };
}

/** Missing packages that are not to be fetched. */
export function offline(missing: readonly LockedPackage[]): Failure {
  const shown = missing
    .slice(0, 10)
    .map(({ name, version, architecture }) => `${name} ${version} ${architecture}`);
  const more = missing.length > shown.length ? [`… and ${missing.length - shown.length} more`] : [];
  return {
    code: 'fetch/offline',
    what: `${missing.length} locked ${missing.length === 1 ? 'package is' : 'packages are'} not in the store, and \`--offline\` forbids fetching.`,
    fix: ['Run the same command once without `--offline`.'],
    evidence: [...shown, ...more],
  };
}

function wrongBytes(locked: LockedPackage, evidence: readonly string[]): Failure {
  return {
    code: 'fetch/digest-mismatch',
    what: `What the mirrors serve as ${locked.name} ${locked.version} is not the file that was locked; it was thrown away.`,
    why: `Expected ${locked.digest}, ${locked.size} bytes.`,
    fix: [
      'Check whether something on the way (a proxy, a login page, a cache) answers instead of the mirror.',
      distribution.advice.otherMirror,
      'If the lock was changed by hand, restore it.',
    ],
    evidence,
  };
}

function notFound(locked: LockedPackage, evidence: readonly string[]): Failure {
  return {
    code: 'fetch/not-found',
    what: `No mirror has ${locked.name} ${locked.version} (${locked.architecture}) any more.`,
    why: 'The archive has moved on since the lock was made.',
    fix: ['Run `provision lock` to resolve the locks anew.'],
    evidence,
  };
}

function refused(locked: LockedPackage, evidence: readonly string[]): Failure {
  return {
    code: 'fetch/refused',
    what: `The mirrors refuse to give ${locked.name} ${locked.version}.`,
    fix: [
      'For 401 and 403: put the login into the address of the mirror (`https://user:password@host/…`).',
      'For 407: put the login into the address of the proxy.',
      distribution.advice.otherMirror,
    ],
    evidence,
  };
}

function busy(locked: LockedPackage, evidence: readonly string[]): Failure {
  return {
    code: 'fetch/server-error',
    what: `The mirrors fail at ${locked.name} ${locked.version}, after several tries.`,
    fix: ['Run the same command again later: what is fetched is kept.', distribution.advice.otherMirror],
    evidence,
  };
}

function cutOff(locked: LockedPackage, evidence: readonly string[]): Failure {
  return {
    code: 'fetch/cut-off',
    what: `The download of ${locked.name} ${locked.version} ended early or stalled, after several tries.`,
    fix: ['Run the same command again: it goes on where it stopped.', distribution.advice.otherMirror],
    evidence,
  };
}

/** No bundle of authorities makes up for the first two. */
const CERTIFICATE_PROBLEMS: Readonly<Record<CertificateProblem, Pick<Failure, 'what' | 'why' | 'fix'>>> = {
  name: {
    what: 'The certificate of a mirror is for another name than that of its address.',
    why: 'The address is another one in the certificate, or something else answers in its place.',
    fix: [
      'Write the name that is in the certificate into the address of the mirror or of the proxy.',
      'If the address is right, whoever runs the server has to add the name to its certificate.',
    ],
  },
  time: {
    what: 'The certificate of a mirror has expired, or is not valid yet.',
    why: 'The clock of this machine is not between the two days that it holds from and until.',
    fix: [
      'Look at the clock: `date`. If it is wrong, set it: `timedatectl set-ntp true`.',
      'If it is right, whoever runs the server, or the proxy that answers in its place, has to renew the certificate.',
    ],
  },
  trust: {
    what: 'The certificate of a mirror is not trusted by this machine.',
    fix: ['Behind a proxy that opens TLS: let `SSL_CERT_FILE` name the CA bundle of the machine.'],
  },
};

function noNetwork(failures: readonly MirrorFailure[], evidence: readonly string[]): Failure {
  const certificate = failures.flatMap(({ problem }) =>
    problem.kind === 'connection' ? (problem.certificate ?? []) : [],
  )[0];
  if (certificate !== undefined)
    return { code: 'fetch/untrusted-connection', ...CERTIFICATE_PROBLEMS[certificate], evidence };
  return {
    code: 'fetch/no-network',
    what: `No mirror can be reached (${failures.map(({ mirror }) => withoutLogin(mirror)).join(', ')}).`,
    fix: [
      'Check the network and the proxy settings (`http_proxy`, `https_proxy`, `no_proxy`).',
      distribution.advice.otherMirror,
      'Run the same command again: what is fetched is kept.',
    ],
    evidence,
  };
}
