import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DockerSettings } from '../../domain/context.ts';
import { err, ok, type Result } from '../../domain/result.ts';
import { isThere } from '../../exec/files.ts';
import { type Address, parseAddress, readTls } from './address.ts';
import { badConfiguration, unknownContext } from './failures.ts';

/** The context that stands for the usual socket and is kept nowhere. */
const DEFAULT = 'default';

export interface NamedContext {
  readonly name: string;
  /** What names it: a variable or a file. */
  readonly from: string;
  readonly address: Address;
}

/**
 * The context that Docker's own client would use: DOCKER_CONTEXT, else `currentContext` of `config.json`; undefined when
 * that is none. Kept as the client keeps them: `contexts/meta/<sha256 of the name>/meta.json` and `contexts/tls/…`
 * (docker-context(1)).
 */
export function currentContext(settings: DockerSettings): Result<NamedContext | undefined> {
  const file = join(settings.config, 'config.json');
  const chosen =
    settings.context === undefined
      ? nameInConfiguration(file)
      : ok({ name: settings.context, from: 'DOCKER_CONTEXT' });
  if (!chosen.ok) return chosen;
  if (chosen.value === undefined || chosen.value.name === DEFAULT) return ok(undefined);
  const { name, from } = chosen.value;
  const address = addressOf(settings, name, from);
  return address.ok ? ok({ name, from, address: address.value }) : address;
}

function nameInConfiguration(file: string): Result<{ name: string; from: string } | undefined> {
  const read = readJson(file);
  if (!read.ok) return read;
  const name = (read.value as { currentContext?: unknown } | null | undefined)?.currentContext;
  return ok(typeof name === 'string' && name !== '' ? { name, from: file } : undefined);
}

function addressOf(settings: DockerSettings, name: string, from: string): Result<Address> {
  const id = createHash('sha256').update(name).digest('hex');
  const file = join(settings.config, 'contexts', 'meta', id, 'meta.json');
  const read = readJson(file);
  if (!read.ok) return read;
  if (read.value === undefined) return err(unknownContext(name, from));
  const { Endpoints } = (read.value ?? {}) as {
    Endpoints?: { docker?: { Host?: unknown; SkipTLSVerify?: unknown } };
  };
  const host = Endpoints?.docker?.Host;
  if (typeof host !== 'string' || host === '') {
    return err(badConfiguration(file, 'It has no `Endpoints.docker.Host`.'));
  }
  const folder = join(settings.config, 'contexts', 'tls', id, 'docker');
  if (!isThere(folder)) return parseAddress(host);
  const tls = readTls(folder, Endpoints?.docker?.SkipTLSVerify !== true);
  return tls.ok ? parseAddress(host, tls.value) : tls;
}

/** Undefined when the file is not there. */
function readJson(file: string): Result<unknown> {
  try {
    return ok(JSON.parse(readFileSync(file, 'utf8')));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return ok(undefined);
    return err(badConfiguration(file, (cause as Error).message));
  }
}
