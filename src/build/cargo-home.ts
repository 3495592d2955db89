import { shellWord } from '../domain/shell.ts';
import type { Command, Mount } from '../engine/engine.ts';
import { PATHS } from '../engine/paths.ts';

/**
 * Who uses cargo's home. `fetch`: cargo alone, with network, can write crates. `check`: our script compares them with the
 * lock and notes what it saw. `build`: code of others runs, and can write none of it.
 */
export type CargoHomeUse = 'fetch' | 'check' | 'build';

/** Volumes of the store that all projects share. Whoever writes to one holds the lock of the first. */
const VOLUMES = { registry: 'crates-registry', git: 'crates-git', seals: 'crates-seals' } as const;

/** Key of the lock that is held while crates are fetched and checked. */
export const CRATES_LOCK = `volume-${VOLUMES.registry}`;

/**
 * Cargo's home in a sandbox. The folder itself is part of the read-only root: there is no configuration file in it and none
 * can be made; cargo does without its locks there. A step that fetches does not see the notes about what was checked.
 */
export function cargoHomeMounts(use: CargoHomeUse): readonly Mount[] {
  const readOnly = use === 'build';
  return [
    { kind: 'volume', name: VOLUMES.registry, at: `${PATHS.cargo}/registry`, readOnly },
    { kind: 'volume', name: VOLUMES.git, at: `${PATHS.cargo}/git`, readOnly },
    ...(use === 'fetch' ? [] : [{ kind: 'volume', name: VOLUMES.seals, at: PATHS.seals, readOnly } as const]),
  ];
}

/** Folders of the sandbox that are volumes, by the volume's name. */
export const CARGO_HOME_VOLUMES: readonly (readonly [string, string])[] = [
  [`${PATHS.cargo}/registry`, VOLUMES.registry],
  [`${PATHS.cargo}/git`, VOLUMES.git],
];

/**
 * What the step `prepare` does before crates are fetched, `seal` afterwards and `known` before each build. A *seal* holds the
 * SHA-256 of a crate's file and of the names and contents of its unpacked sources; a *stamp* the sizes, times and inodes of
 * all that a lock names, when it was last checked byte by byte.
 *
 * The toolchain has bash and coreutils and no more, so cargo unpacks. What has no seal was not seen since it was unpacked:
 * `prepare` removes it, and cargo unpacks it again from a file with the right checksum.
 */
const SCRIPT = `set -eu
shopt -s nullglob globstar dotglob
cd ${PATHS.cargo}
seals=${PATHS.seals}
sum() { local line; line=$(sha256sum -- "$1"); echo "\${line%% *}"; }
# Digest of the names and contents of all files of a folder.
tree() (
  cd "$1"
  files=()
  for name in **; do
    if [ -L "$name" ]; then printf 'link %s %s\\n' "$name" "$(readlink -- "$name")"
    elif [ -f "$name" ]; then files+=("./$name"); fi
  done
  if [ "\${#files[@]}" -gt 0 ]; then sha256sum -- "\${files[@]}"; fi
)
digest() { local line; line=$(tree "$1" | sha256sum); echo "\${line%% *}"; }
declare -A sums
names=() revisions=()
while read -r kind one name; do
  case $kind in
    crate) sums[$name]="\${sums[$name]-} $one"; names+=("$name") ;;
    git) revisions+=("\${one:0:7}") ;;
  esac
done
# What is there of the crates that the lock names.
found() {
  local name
  for name in "\${names[@]}"; do echo registry/cache/*/"$name.crate" registry/src/*/"$name"; done
  for name in "\${revisions[@]}"; do echo git/checkouts/*/"$name"*; done
}
state() { local paths; paths=$(found); [ -z "\${paths//[[:space:]]/}" ] || ls -lnARci --time-style=full-iso $paths | sha256sum; }
prepare() {
  local name crate source seal where
  for name in "\${names[@]}"; do
    for source in registry/src/*/"$name"; do
      where=\${source#registry/src/} crate=registry/cache/$where.crate seal=$seals/crates/$where
      if [ -f "$seal" ] && [ -f "$crate" ] && [ "$(<"$seal")" = "$(sum "$crate") $(digest "$source")" ]; then continue; fi
      rm -rf "$source" "$seal"
    done
    for crate in registry/cache/*/"$name.crate"; do
      where=\${crate#registry/cache/} seal=$seals/crates/\${where%.crate}
      if [ -f "$seal" ] || [[ " \${sums[$name]} " = *" $(sum "$crate") "* ]]; then continue; fi
      rm -f "$crate"
    done
  done
  for name in "\${revisions[@]}"; do
    for source in git/checkouts/*/"$name"*; do
      seal=$seals/$source
      if [ -f "$seal" ] && [ "$(<"$seal")" = "$(digest "$source")" ]; then continue; fi
      rm -rf "$source" "$seal"
    done
  done
}
seal() {
  local name crate source seal where actual
  for name in "\${names[@]}"; do
    for source in registry/src/*/"$name"; do
      where=\${source#registry/src/} crate=registry/cache/$where.crate seal=$seals/crates/$where
      if [ -f "$seal" ]; then continue; fi
      actual=$(sum "$crate")
      if [[ " \${sums[$name]} " != *" $actual "* ]]; then
        echo "$name: its file has the SHA-256 $actual, the lock says\${sums[$name]}" >&2
        rm -rf "$source" "$crate"
        exit 3
      fi
      mkdir -p "\${seal%/*}"
      echo "$actual $(digest "$source")" >"$seal"
    done
  done
  for name in "\${revisions[@]}"; do
    for source in git/checkouts/*/"$name"*; do
      seal=$seals/$source
      if [ -f "$seal" ]; then continue; fi
      mkdir -p "\${seal%/*}"
      digest "$source" >"$seal"
    done
  done
  mkdir -p "$seals/stamps"
  state >"$seals/stamps/$1"
}
known() { [ -f "$seals/stamps/$1" ] && [ "$(<"$seals/stamps/$1")" = "$(state)" ]; }
`;

/** The script with one of its steps; the lines of `crateLines` are its input. */
export function cargoHomeScript(
  step: 'prepare' | 'seal' | 'known',
  key: string,
): readonly [string, ...string[]] {
  return ['bash', '-c', `${SCRIPT}${step} ${shellWord(key)}\n`];
}

/** Exit status of `commandOnKnown` where the crates are not known. */
export const NOT_KNOWN = 75;

/**
 * A command that begins only where the step `known` finds nothing changed: one sandbox instead of two. The script runs in an
 * environment of its own and reads standard input; the command gets its own environment, exactly, and nothing to read.
 */
export function commandOnKnown(
  key: string,
  { argv, env }: Pick<Command, 'argv' | 'env'>,
): Pick<Command, 'argv' | 'env'> {
  const script = `(
${SCRIPT}known ${shellWord(key)}
)
[ $? = 0 ] || exit ${NOT_KNOWN}
exec /usr/bin/env -i "$@" </dev/null
`;
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  return {
    // Without `--norc` bash reads its file where standard input is a socket.
    argv: ['/usr/bin/bash', '--norc', '-c', script, 'bash', ...variables, ...argv],
    env: SCRIPT_ENV,
  };
}

export const SCRIPT_ENV = { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' } as const;
