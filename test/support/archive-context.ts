import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext as NodeTest } from 'node:test';
import type { MachineFiles } from '../../src/distro/distro.ts';
import type { ImageDefinition } from '../../src/domain/definitions.ts';
import type { TreeDefinition } from '../../src/domain/packages.ts';
import { temporaryFolder } from './cli.ts';
import { type TestContext, testContext } from './context.ts';
import { files, startMirror } from './mirror.ts';
import type { SigningKey } from './openpgp.ts';

export interface ArchiveContext {
  readonly context: TestContext;
  /** A machine that trusts the archive's key. */
  readonly machine: MachineFiles;
}

/** A context whose one mirror serves these files, and the keyring that trusts them. */
export async function archiveContext(
  t: NodeTest,
  archive: ReadonlyMap<string, Buffer>,
  key: SigningKey,
): Promise<ArchiveContext> {
  const folder = temporaryFolder(t, 'provision lock ü ');
  const keyring = join(folder, 'keyring.gpg');
  writeFileSync(keyring, key.keyring);
  const mirror = await startMirror(t, files(archive));
  const home = join(folder, 'home');
  mkdirSync(home);
  const context = testContext({ store: join(folder, 'the store'), home, mirrors: [mirror.url] });
  return { context, machine: { keyrings: [keyring] } };
}

/** A machine whose own apt looks at dates: this one's may be told not to. */
export function withDates(t: NodeTest, machine: MachineFiles): MachineFiles {
  const folder = temporaryFolder(t, 'apt-config');
  // apt's own scripts call it, too.
  const script = `#!/bin/sh\n/usr/bin/apt-config "$@" | grep -viE '^acquire::check-(valid-until|date)'\n`;
  writeFileSync(join(folder, 'apt-config'), script, { mode: 0o755 });
  return { ...machine, path: `${folder}:/usr/sbin:/usr/bin:/sbin:/bin` };
}

export function tree(
  architecture: string,
  packages: readonly string[],
  without: readonly string[] = [],
): TreeDefinition {
  return { architecture, packages, without, exclude: [], links: {}, files: {} };
}

export function image(packages: readonly string[], without: readonly string[] = []): ImageDefinition {
  const rootfs = tree('amd64', packages, without);
  return {
    kind: 'image',
    name: 'test',
    description: 'A test.',
    suite: 'trixie',
    rootfs,
    tools: {},
    rustStd: {},
  };
}
