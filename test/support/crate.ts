import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { temporaryFolder } from './cli.ts';

export const MANIFEST = `[package]
name = "mini"
version = "0.1.0"
edition = "2021"

[dependencies]
pyo3 = "0.30"
`;

export const LOCK = `version = 4

[[package]]
name = "mini"
version = "0.1.0"

[[package]]
name = "pyo3"
version = "0.30.1"
`;

/** The files of a small program that embeds Python. */
export const PROGRAM: Readonly<Record<string, string>> = {
  'Cargo.toml': MANIFEST,
  'Cargo.lock': LOCK,
  'src/main.rs': 'fn main() {}\n',
};

/** A folder, on an odd path, with these files in it. */
export function crateOf(t: TestContext, files: Readonly<Record<string, string>> = PROGRAM): string {
  const folder = temporaryFolder(t, 'provision crate ü ');
  put(folder, files);
  return folder;
}

export function put(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
}
