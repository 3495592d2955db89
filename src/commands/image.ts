import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { distribution } from '../distro/distribution.ts';
import { closest } from '../domain/closest.ts';
import type { Context } from '../domain/context.ts';
import type { ImageDefinition } from '../domain/definitions.ts';
import type { Lock } from '../domain/packages.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { formatBytes } from '../domain/units.ts';
import { pushTree, readImage, unpackLayer } from '../engine/docker/oci.ts';
import { formatReference, parseReference } from '../engine/docker/reference.ts';
import { readLock } from '../lock/lockfile.ts';
import { imageHere } from '../recipe/definitions.ts';
import { imageNames } from '../recipe/folders.ts';
import { loadTargets } from '../recipe/targets.ts';
import { digestFile } from '../store/digest.ts';
import { onDisk } from '../store/disk.ts';
import { openStore } from '../store/open.ts';
import { type TreeContent, type TreeMeta, treeFingerprint, treeInputs } from '../toolchain/tree.ts';
import type { Command, Invocation, Outcome } from './command.ts';

type Action = (invocation: Invocation, what: string) => Promise<Result<Outcome>>;

/** The one that every recipe builds with. */
const DEFAULT_IMAGE = 'llvm';

const ACTIONS: Readonly<Record<string, Action>> = { dockerfile, push, pull };

export const command: Command = {
  name: 'image',
  summary: 'print a Dockerfile of an image, or share one in a registry',
  positionals: [
    { name: 'action', required: true },
    { name: 'image or reference', required: true },
  ],
  options: {
    image: { type: 'string', value: '<name>', help: 'image to push or pull (default: llvm)' },
    output: { type: 'string', short: 'o', value: '<file>', help: 'write the Dockerfile there' },
  },
  examples: [
    'provision image dockerfile llvm -o Dockerfile',
    'provision image push registry.example:5000/team/llvm:today',
    'provision image pull registry.example:5000/team/llvm@sha256:…',
  ],
  renders: false,
  run,
};

async function run(invocation: Invocation): Promise<Result<Outcome>> {
  const [action = '', what = ''] = invocation.positionals;
  const known = Object.hasOwn(ACTIONS, action) ? ACTIONS[action] : undefined;
  return known === undefined ? err(unknownAction(action)) : known(invocation, what);
}

async function dockerfile({ context, values }: Invocation, name: string): Promise<Result<Outcome>> {
  const made = await makeDockerfile(context, name);
  if (!made.ok) return made;
  const json = { image: name, dockerfile: made.value };
  if (typeof values.output !== 'string') return ok({ text: made.value, json });
  const file = resolve(context.settings.cwd, values.output);
  const written = await onDisk(file, () => writeFile(file, made.value));
  return written.ok ? ok({ text: `Written to ${file}.\n`, json: { ...json, file } }) : written;
}

async function makeDockerfile({ settings }: Context, name: string): Promise<Result<string>> {
  if (!imageNames(settings.home).includes(name)) return err(unknownImage(settings.home, name));
  const image = await imageHere(settings.home, name);
  if (!image.ok) return image;
  const { file, definition } = image.value;
  const lock = await readLock(file, definition, ['rootfs']);
  return lock.ok ? ok(await distribution.dockerfile(definition, file.lockPath, lock.value)) : lock;
}

/** An image, its lock, and what its tree in the store is known by. */
interface Locked {
  readonly definition: ImageDefinition;
  readonly lock: Lock;
  readonly lockFile: string;
  readonly content: TreeContent;
  /** e.g. `linux/…`. */
  readonly platform: string;
}

async function push(invocation: Invocation, text: string): Promise<Result<Outcome>> {
  const { context } = invocation;
  const reference = parseReference(text);
  if (!reference.ok) return reference;
  const locked = await readLocked(invocation);
  if (!locked.ok) return locked;
  const { definition, lock, lockFile, content, platform } = locked.value;
  const store = await openStore(context.settings.store);
  if (!store.ok) return store;
  const fingerprint = treeFingerprint(content);
  const tree = await store.value.find('trees', fingerprint);
  if (tree === undefined) return err(notMade(definition.name));
  const { digest: lockDigest } = await digestFile(lockFile);
  const image = { root: tree.folder, fingerprint, lock: lockDigest, created: lock.resolved, platform };
  const pushed = await pushTree(context, reference.value, image);
  await store.value.settled();
  if (!pushed.ok) return pushed;
  const exact = `${formatReference(reference.value).replace(/@.*/, '')}@${pushed.value.digest}`;
  return ok({
    text: `Pushed ${definition.name}, ${formatBytes(pushed.value.size)}: ${exact}\n`,
    json: { image: definition.name, reference: exact, ...pushed.value },
  });
}

async function pull(invocation: Invocation, text: string): Promise<Result<Outcome>> {
  const { context } = invocation;
  const reference = parseReference(text);
  if (!reference.ok) return reference;
  const locked = await readLocked(invocation);
  if (!locked.ok) return locked;
  const { definition, content, platform } = locked.value;
  const image = await readImage(context, reference.value);
  if (!image.ok) return image;
  const fingerprint = treeFingerprint(content);
  const what = { name: definition.name, reference: formatReference(reference.value) };
  if (image.value.fingerprint !== fingerprint)
    return err(otherLock(what, image.value.fingerprint, fingerprint));
  if (image.value.platform !== platform) return err(otherPlatform(what, image.value.platform, platform));
  const store = await openStore(context.settings.store);
  if (!store.ok) return store;
  const tree = await store.value.obtain<TreeMeta>(
    'trees',
    treeInputs(content),
    async (root) => {
      const unpacked = await unpackLayer(context, reference.value, image.value, root);
      return unpacked.ok ? ok({ packages: content.packages.length, ...unpacked.value }) : unpacked;
    },
    { signal: context.signal },
  );
  await store.value.settled();
  if (!tree.ok) return tree;
  const how = tree.value.hit ? 'is in the store already' : `pulled, ${formatBytes(image.value.layer.size)}`;
  return ok({
    text: `${definition.name} ${how}: ${image.value.digest}\n`,
    json: {
      image: definition.name,
      digest: image.value.digest,
      layer: image.value.uncompressed,
      hit: tree.value.hit,
    },
  });
}

async function readLocked({ context, values }: Invocation): Promise<Result<Locked>> {
  const { home } = context.settings;
  const name = typeof values.image === 'string' ? values.image : DEFAULT_IMAGE;
  if (!imageNames(home).includes(name)) return err(unknownImage(home, name));
  const image = await imageHere(home, name);
  if (!image.ok) return image;
  const { file, definition } = image.value;
  const lock = await readLock(file, definition, ['rootfs']);
  if (!lock.ok) return lock;
  const content = { definition: definition.rootfs, packages: lock.value.sets.rootfs ?? [] };
  const platform = await platformOf(home, definition.rootfs.architecture);
  if (!platform.ok) return platform;
  return ok({ definition, lock: lock.value, lockFile: file.lockFile, content, platform: platform.value });
}

/** The targets know how the OCI names a distribution's architecture. */
async function platformOf(home: string, architecture: string): Promise<Result<string>> {
  const targets = await loadTargets(home);
  if (!targets.ok) return targets;
  const own = targets.value.find(({ value }) => distribution.architectureOf(value) === architecture);
  return ok(own?.value.ociPlatform ?? `linux/${architecture}`);
}

function notMade(name: string) {
  return {
    code: 'usage/image-not-made',
    what: `The image "${name}" is not in the store yet.`,
    fix: ['Run a recipe that uses it first: `provision <recipe>`.'],
  } as const;
}

interface Asked {
  readonly name: string;
  readonly reference: string;
}

function otherLock({ name, reference }: Asked, theirs: string | undefined, ours: string) {
  return {
    code: 'fetch/registry-other-lock',
    what: `${reference} was not made from the lock of "${name}" that is here.`,
    why: `It was made from ${theirs ?? 'something else'}, and here is ${ours}.`,
    fix: [
      'Take the same state of docker/ on both sides, or push the image again from this one.',
      'Without it the packages are fetched: nothing is lost.',
    ],
  } as const;
}

function otherPlatform({ name, reference }: Asked, theirs: string, ours: string) {
  return {
    code: 'fetch/registry-other-platform',
    what: `${reference} is for ${theirs}, and "${name}" is for ${ours}.`,
    fix: ['Name the image for this platform.'],
  } as const;
}

function unknownAction(action: string) {
  const names = Object.keys(ACTIONS);
  const meant = closest(action, names);
  return {
    code: 'usage/image-action',
    what: `\`provision image\` has no action "${action}".`,
    fix: [...(meant === undefined ? [] : [`Did you mean ${meant}?`]), `Actions: ${names.join(', ')}.`],
  } as const;
}

function unknownImage(home: string, name: string) {
  const names = imageNames(home);
  const meant = closest(name, names);
  return {
    code: 'usage/unknown-image',
    what: `There is no image "${name}".`,
    fix: [...(meant === undefined ? [] : [`Did you mean ${meant}?`]), `Images: ${names.join(', ')}.`],
  } as const;
}
