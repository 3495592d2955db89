import { defined } from '../domain/defined.ts';
import type { LinkedCrate, LinkedCrates } from '../domain/linked-crates.ts';
import { licenceExpression } from './licence.ts';
import type { Component } from './model.ts';

/** Package URL of a crate (purl specification, type `cargo`). */
export function crateUrl({ name, version, source }: LinkedCrate): string {
  const git = source?.startsWith('git+') === true ? `?vcs_url=${encodeURIComponent(source)}` : '';
  return `pkg:cargo/${name}@${encodeURIComponent(version)}${git}`;
}

/** The program and the crates that are linked into it; those of build scripts and procedural macros are tools. */
export function crateComponents({ crates, texts }: LinkedCrates): {
  readonly program: Component;
  readonly others: readonly Component[];
} {
  const ids = crates.map((one, i) => {
    const purl = crateUrl(one);
    return crates.findIndex((other) => crateUrl(other) === purl) === i ? purl : `${purl}#${i}`;
  });
  const components = crates.map((one, i): Component & { readonly root: boolean } => ({
    id: ids[i] as string,
    name: one.name,
    version: one.version,
    place: one.kind === 'runtime' ? 'inside' : 'tool',
    purl: crateUrl(one),
    root: one.root === true,
    dependencies: one.dependencies.map((index) => ids[index] as string),
    texts: Object.entries(one.texts).map(([name, index]) => ({ name, text: texts[index] ?? '' })),
    ...defined({ licence: licenceExpression(one.license), sha256: one.checksum }),
  }));
  const program = components.find(({ root }) => root);
  if (program === undefined) throw new Error('no crate of the list is the program');
  const plain = ({ root: _, ...one }: (typeof components)[number]): Component => one;
  return { program: plain(program), others: components.filter((one) => one !== program).map(plain) };
}
