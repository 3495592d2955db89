import type { Failure } from '../../failure.ts';

const NAMESPACE = 'Or do without Docker: `--engine namespace`.';
const AGAIN = 'Run the same command again: finished work is kept.';

export function badHost(text: string, why: string): Failure {
  return {
    code: 'engine/docker-host',
    what: `"${text}" is not an address of a Docker engine.`,
    why,
    fix: ['Write it as `unix:///path`, `tcp://host:port` or `ssh://user@host`.'],
  };
}

export function tlsFiles(folder: string, message: string): Failure {
  return {
    code: 'engine/docker-tls',
    what: `The TLS files in ${folder} cannot be read.`,
    fix: ['Let `DOCKER_CERT_PATH` name the folder of `ca.pem`, `cert.pem` and `key.pem`.'],
    evidence: [message],
  };
}

export function unknownContext(name: string, from: string): Failure {
  return {
    code: 'engine/docker-context',
    what: `There is no Docker context "${name}", which ${from} names.`,
    fix: ['See `docker context ls`; `docker context use default` goes back to the usual socket.', NAMESPACE],
  };
}

export function badConfiguration(file: string, message: string): Failure {
  return {
    code: 'engine/docker-context',
    what: `The Docker configuration ${file} cannot be used.`,
    fix: ['Correct the file, or let `DOCKER_CONFIG` name another folder.'],
    evidence: [message],
  };
}

export function notRunning(address: string, message: string): Failure {
  return {
    code: 'engine/docker-not-running',
    what: `No Docker engine answers at ${address}.`,
    fix: [
      'Start it: `sudo systemctl start docker` (Podman: `systemctl --user start podman.socket`).',
      NAMESPACE,
    ],
    evidence: [message],
  };
}

export function permissionDenied(address: string, message: string): Failure {
  return {
    code: 'engine/docker-permission',
    what: `You may not use the Docker engine at ${address}.`,
    why: 'Its socket belongs to root and the group `docker`.',
    fix: [
      'Join the group: `sudo usermod -aG docker "$(id -un)"`, then log in anew. Members of it can become root.',
      'Or run an engine of your own: `dockerd-rootless-setuptool.sh install`, or Podman.',
      'Or run the same command with `sudo`.',
      NAMESPACE,
    ],
    evidence: [message],
  };
}

export function unreachable(address: string, message: string): Failure {
  return {
    code: 'engine/docker-unreachable',
    what: `The Docker engine at ${address} cannot be reached.`,
    fix: ['Check the name, the port and the network between here and there.', NAMESPACE],
    evidence: [message],
  };
}

export function tlsTrouble(address: string, message: string): Failure {
  return {
    code: 'engine/docker-tls',
    what: `The Docker engine at ${address} and this machine do not agree on TLS.`,
    fix: [
      'For a daemon with TLS set `DOCKER_TLS_VERIFY=1`, and `DOCKER_CERT_PATH` to the folder of `ca.pem`, `cert.pem`, `key.pem`.',
      'For a daemon without TLS unset `DOCKER_TLS_VERIFY`.',
    ],
    evidence: [message],
  };
}

export function sshTrouble(address: string, evidence: readonly string[]): Failure {
  return {
    code: 'engine/docker-ssh',
    what: `The Docker engine at ${address} cannot be reached through ssh.`,
    fix: [
      'Try `ssh <user>@<host> docker version`: it has to work without a question (a key, a known host).',
      'The program `docker` must be there on the far machine: it relays the connection.',
    ],
    evidence,
  };
}

export function notAnEngine(address: string, evidence: readonly string[]): Failure {
  return {
    code: 'engine/docker-no-api',
    what: `What answers at ${address} is not a Docker engine.`,
    fix: ['Check the address.', NAMESPACE],
    evidence,
  };
}

export function apiTooOld(address: string, version: string, wanted: string): Failure {
  return {
    code: 'engine/docker-api-too-old',
    what: `The Docker engine at ${address} speaks version ${version} of the API; at least ${wanted} is needed.`,
    fix: ['Update it: Docker 17.03 or Podman 3 and later will do.', NAMESPACE],
  };
}

export function otherArchitecture(address: string, theirs: string, ours: string): Failure {
  return {
    code: 'engine/docker-architecture',
    what: `The Docker engine at ${address} runs ${theirs} programs, and the locked images are for ${ours}.`,
    fix: [`Name an engine on a machine of the kind ${ours}: \`--engine docker:<host>\`.`, NAMESPACE],
  };
}

export function otherSystem(address: string, system: string): Failure {
  return {
    code: 'engine/docker-system',
    what: `The Docker engine at ${address} runs ${system} containers, and Linux ones are needed.`,
    fix: ['Switch it to Linux containers.', NAMESPACE],
  };
}

export function noneFound(looked: readonly string[]): Failure {
  return {
    code: 'engine/docker-not-found',
    what: 'No Docker engine was found on this machine.',
    fix: [
      'Install and start one: the packages `docker.io` or `podman` (Debian, Ubuntu).',
      'Or name one: `--engine docker:<host>`, or `DOCKER_HOST`.',
      NAMESPACE,
    ],
    evidence: looked,
  };
}

/** The daemon went away while we worked with it. */
export function lost(address: string, doing: string, message: string): Failure {
  return {
    code: 'engine/docker-lost',
    what: `The Docker engine at ${address} went away while ${doing}.`,
    fix: ['See that it runs: `docker info`, `journalctl -u docker`.', AGAIN],
    evidence: [message],
  };
}

export function noSpace(address: string, doing: string, message: string): Failure {
  return {
    code: 'engine/docker-no-space',
    what: `The Docker engine at ${address} has no space left: ${doing} failed.`,
    fix: [
      'See what it holds: `docker system df`. `docker system prune` removes what no container uses.',
      '`provision clean --all` removes what provision itself keeps there.',
    ],
    evidence: [message],
  };
}

export function refused(address: string, doing: string, message: string): Failure {
  return {
    code: 'engine/docker-refused',
    what: `The Docker engine at ${address} refused: ${doing} failed.`,
    fix: ['See the message of the engine below, and its log: `journalctl -u docker`.'],
    evidence: [message],
  };
}

/** `reported`: the engine says so. Where it does not, it is what SIGKILL from elsewhere mostly means under a limit. */
export function outOfMemory(program: string, limit: number | undefined, reported: boolean): Failure {
  const why = [
    ...(limit === undefined ? [] : [`Its limit is ${Math.round(limit / 1024 ** 2)} MiB.`]),
    ...(reported
      ? []
      : ['The engine does not say what sent SIGKILL; the kernel does where memory runs out.']),
  ].join(' ');
  return {
    code: 'engine/docker-out-of-memory',
    what: reported
      ? `"${program}" was ended because its container ran out of memory.`
      : `"${program}" was ended by SIGKILL, most likely because its container ran out of memory.`,
    ...(why === '' ? {} : { why }),
    fix: ['Give it more memory, or take fewer jobs with `--jobs`.'],
  };
}

export function vanished(address: string, thing: string): Failure {
  return {
    code: 'engine/docker-vanished',
    what: `${thing} keeps vanishing from the Docker engine at ${address}.`,
    why: 'It was made a moment ago, and something removed it.',
    fix: ['See that nothing prunes that engine while provision works.', AGAIN],
  };
}

export function imageDiffers(address: string, wanted: string, layers: readonly string[]): Failure {
  return {
    code: 'engine/docker-image-differs',
    what: `What the Docker engine at ${address} took in is not the tree that was sent.`,
    why: `Sent ${wanted}, kept ${layers.join(', ') || 'nothing'}.`,
    fix: [
      'Run the same command again.',
      'When it stays: the disk or the connection of that engine damages data.',
    ],
  };
}
