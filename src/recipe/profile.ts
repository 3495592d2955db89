import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { LockedProfile } from '../domain/definitions.ts';
import { ok, type Result } from '../domain/result.ts';
import { profileFile } from './folders.ts';
import { PROFILE } from './json-schema.ts';
import { type Loaded, load } from './load.ts';
import { beside, ownPatches, type PythonDefinition } from './pythons.ts';
import { openReader, type Reader } from './reader.ts';
import type { ProfileFile } from './schemas.ts';

/** The locked profile of a Python, with what it would be made of today; nothing where it has none. */
export async function loadProfile(
  home: string,
  python: Loaded<PythonDefinition>,
  read: Reader = openReader(),
): Promise<Result<LockedProfile | undefined>> {
  const file = profileFile(home, python.value.name);
  if (!existsSync(file)) return ok(undefined);
  const loaded = await load<ProfileFile, ProfileFile>(file, PROFILE, (parsed) => parsed, { read });
  if (!loaded.ok) return loaded;
  const { value: profile, document } = loaded.value;
  const [training, patches] = await Promise.all([
    beside(document, profile.training, ['training']),
    ownPatches(python, profile.sysroot),
  ]);
  if (!training.ok) return training;
  if (!patches.ok) return patches;
  return ok({
    file: join(dirname(file), profile.counts.file),
    digest: `sha256:${profile.counts.sha256}`,
    inputs: profile.inputs,
    made: {
      patches: python.value.source?.patches ?? [],
      ownPatches: patches.value,
      training: training.value.text,
    },
  });
}
