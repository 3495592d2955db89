import { chmodSync, existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** libfaketime (Debian: faketime): programs that load it see another clock. Undefined: it is not installed. */
export function clockLibrary(): string | undefined {
  const root = '/usr/lib';
  return readdirSync(root)
    .map((name) => join(root, name, 'faketime', 'libfaketimeMT.so.1'))
    .find((file) => existsSync(file));
}

/** Variables that move the clock of every program that is started with them, e.g. by `+29h`; what measures time goes on as it does. */
export function otherClock(library: string, by: string): Readonly<Record<string, string>> {
  return { LD_PRELOAD: library, FAKETIME: by, FAKETIME_DONT_FAKE_MONOTONIC: '1', NO_FAKE_STAT: '1' };
}

/** Writes a program that is runc, and moves the clock of every container by what runc finds in its specification (OCI, `config.json`). */
export function runtimeWithClock(file: string, library: string, by: string): string {
  const at = '/other-clock.so';
  const variables = Object.entries(otherClock(at, by)).map(([name, value]) => `"${name}=${value}",`);
  const mount = `{"destination":"${at}","type":"bind","source":"${library}","options":["bind","ro"]},`;
  const script = `#!/bin/sh
for word; do
  if [ "$before" = --bundle ]; then
    sed -i -e 's|"env":\\[|&${variables.join('')}|' -e 's|"mounts":\\[|&${mount}|' "$word/config.json"
  fi
  before=$word
done
exec runc "$@"
`;
  writeFileSync(file, script);
  chmodSync(file, 0o755);
  return file;
}
