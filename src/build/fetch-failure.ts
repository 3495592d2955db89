import { withoutLogin } from '../domain/address.ts';
import type { Crate } from '../domain/crate.ts';
import type { Recipe } from '../domain/definitions.ts';
import type { Failure } from '../failure.ts';
import { staleCargoLock, unreadableCargoLock } from './cargo-lock.ts';
import { variablePart } from './transport.ts';

/** A way in which cargo fails to fetch crates. */
interface Kind {
  readonly code: Failure['code'];
  /** Its message; named groups fill `{name}` in the texts. */
  readonly match: RegExp;
  readonly what: string;
  readonly why?: string;
  readonly fix: readonly string[];
}

const AGAIN = 'Then run the same command again: what is fetched is kept.';

const TOKEN_FIX = [
  'Set `CARGO_REGISTRIES_<NAME>_TOKEN`: provision gives it to the step that fetches crates, and to no other.',
  'Or keep it in `credentials.toml` of your cargo home: `CARGO_REGISTRY_GLOBAL_CREDENTIAL_PROVIDERS=cargo:token cargo login --registry <name>`.',
  'A token that is there may have expired, or lack the right to read this registry.',
];

/** In the order in which they are tried: a server's answer before the network, as the network is named in all of them. */
const KINDS: readonly Kind[] = [
  {
    code: 'store/no-space',
    match: /No space left on device|database or disk is full/,
    what: 'The disk is full: crates could not be stored.',
    fix: [
      '`provision clean` removes what was not used lately; `--store <folder>` takes another disk.',
      AGAIN,
    ],
  },
  {
    code: 'build/no-crate-path',
    match: /failed to read `(?<path>[^`]+)\/Cargo\.toml`\s+Caused by:\s+No such file or directory/,
    what: 'A crate that is taken by its path is not there: {path}.',
    fix: [
      'Correct `path` in the manifest that names it, or put the crate there: a submodule may have to be checked out.',
    ],
  },
  {
    code: 'fetch/crates-registry',
    match: /registry index was not found in any configuration: `(?<registry>[^`]+)`/,
    what: 'The registry `{registry}` is not configured.',
    why: 'Cargo.toml takes a crate from it, and no configuration of cargo names its index.',
    fix: [
      'Add `[registries.{registry}]` with its `index` to `.cargo/config.toml` of the project, or set `CARGO_REGISTRIES_{variable}_INDEX`.',
    ],
  },
  {
    code: 'fetch/crates-checksum',
    match: /failed to verify the checksum of `(?<crate>[^`]+)/,
    what: 'The file of the crate {crate} is not the one that the registry lists.',
    why: 'Its SHA-256 is another one: a proxy or mirror on the way changed or cut it, or the registry is damaged.',
    fix: [`Ask for the file past the proxy or mirror. ${AGAIN}`],
  },
  {
    code: 'fetch/crates-checksum',
    match: /checksum for `(?<crate>[^`]+).*changed between lock files/,
    what: 'The registry lists the crate {crate} with another checksum than Cargo.lock.',
    why: 'Cargo.lock, or the registry (a mirror in its place), was changed after the lock was made.',
    fix: [
      'Take Cargo.lock back to what was committed.',
      'If the registry is right: remove the line `checksum = …` of this crate from Cargo.lock, and run `cargo update --workspace` in the project.',
    ],
  },
  {
    code: 'build/crate-not-in-registry',
    match: /no matching package named `(?<crate>[^`]+)` found[\s\S]*?location searched: (?<where>.+)/,
    what: 'There is no crate `{crate}` in {where}.',
    fix: [
      'Check its name, and the `registry` that it is taken from; a `[source]` that replaces a registry has to have it, too.',
    ],
  },
  {
    code: 'build/crate-not-in-registry',
    match:
      /failed to select a version for the requirement `(?<crate>[^ ]+) = [^`]*`[\s\S]*?location searched: (?<where>.+)/,
    what: 'The version of `{crate}` that Cargo.lock or Cargo.toml asks for is not in {where}.',
    why: 'It was removed there, or never was: a mirror may be behind.',
    fix: ['`cargo update -p {crate}` in the project takes one that is there; commit Cargo.lock.'],
  },
  {
    code: 'fetch/crates-credentials',
    match:
      /got 40[13]\b|no token found for|authenticated registries require a credential-provider|token rejected for|please run `cargo login/,
    what: 'A registry of crates asks for credentials, and takes none of those that it got.',
    fix: TOKEN_FIX,
  },
  {
    code: 'fetch/crates-credentials',
    match:
      /failed to authenticate when downloading repository|authentication required but no callback set|no authentication (?:methods succeeded|available)/,
    what: 'A git server asks for credentials, and a build has none.',
    why: "A build uses cargo's own git, without the keys and helpers of this machine.",
    fix: [
      '`cargo vendor` in the project, with the `[source]` lines that it prints in `.cargo/config.toml`: then nothing of git is fetched.',
    ],
  },
  {
    code: 'build/no-git-revision',
    match:
      /revspec '(?<rev>[^']+)' not found|object not found - no match for id \((?<id>[0-9a-f]+)\)|failed to find (?:branch|tag) `(?<name>[^`]+)`|revision (?<revision>\S+) not found/,
    what: 'A git repository does not have the commit, branch or tag that Cargo.lock or Cargo.toml asks for.',
    why: 'It was removed there, by a forced push for instance.',
    fix: ['Name one that is there in Cargo.toml, run `cargo update -p <crate>`, and commit Cargo.lock.'],
  },
  {
    code: 'fetch/crates-missing-file',
    match: /failed to get successful HTTP response from `(?<url>[^`]+)`.*got (?<status>404|410)\b/,
    what: 'The server does not have a file of the crates: {url} ({status}).',
    why: 'Its index lists the crate; a mirror may be behind, or keep fewer files.',
    fix: ['Take another mirror in the `[source]` or `[registries]` of your cargo configuration.', AGAIN],
  },
  {
    code: 'fetch/crates-server',
    match: /failed to get successful HTTP response from `(?<url>[^`]+)`.*got (?<status>[0-9]{3})\b/,
    what: 'The server of a registry answers with {status}: {url}.',
    why: 'That is a trouble of the server, or of a proxy on the way.',
    fix: ['Run the same command again later: what is fetched is kept.'],
  },
  {
    code: 'fetch/crates-certificate',
    match: /certificate subject name .* target (?:host ?name|ip(?:v[46])? address) '(?<host>[^']+)'/,
    what: 'The certificate of a server of crates is for another name than the one that was asked for, {host}.',
    fix: [AGAIN],
  },
  {
    code: 'fetch/crates-certificate',
    match: /certificate (?:has expired|is not yet valid)/,
    what: 'The certificate of a server of crates has expired, or is not valid yet.',
    fix: [AGAIN],
  },
  {
    code: 'fetch/crates-certificate',
    match: /\[60\]|\[77\]|SSL certificate problem|certificate verify failed|the SSL certificate is invalid/,
    what: 'The certificate of a server of crates is not trusted.',
    fix: [AGAIN],
  },
  {
    code: 'fetch/crates-network',
    match:
      /failed to get `(?<crate>[^`]+)` as a dependency[\s\S]*?[Uu]nable to update (?<address>[a-z+]+:\/\/[^\s#?]+)[\s\S]*?(?:network failure|failed to (?:connect|resolve)|Could not resolve|class=Net\b)/,
    what: 'The server of git that the crate {crate} is taken from cannot be reached: {address}.',
    fix: [AGAIN],
  },
  {
    code: 'fetch/crates-network',
    match:
      /\[(?:5|6|7|28|35|52|55|56)\] |spurious network error|failed to (?:connect|resolve)|Could not resolve|network failure|class=Net\b/,
    what: 'A server of crates cannot be reached.',
    fix: [AGAIN],
  },
];

/** Cargo's words where crates are missing because it may not ask for them. */
const OFFLINE = /--offline was specified|offline mode/;

/** Turns a failure to fetch crates into the kind that cargo's message is of; one that is of none is returned as it is. */
export function explainFetch(
  failure: Failure,
  build: { readonly crate: Crate; readonly recipe: Pick<Recipe, 'rust'> },
): Failure {
  const { crate } = build;
  const ofLock = unreadableCargoLock(staleCargoLock(failure, crate), build);
  if (ofLock !== failure) return ofLock;
  const { root } = crate;
  const output = (failure.evidence ?? []).join('\n');
  if (OFFLINE.test(output)) return failure;
  for (const { code, match, what, why, fix } of KINDS) {
    const found = match.exec(output);
    if (found === null) continue;
    const { registry = '', address = '' } = found.groups ?? {};
    const values: Readonly<Record<string, string>> = {
      ...found.groups,
      variable: variablePart(registry),
      address: withoutLogin(address),
    };
    const filled = (text: string): string =>
      text.replaceAll(/\{([a-z]+)\}/g, (_, name: string) => named(values[name] ?? '', root));
    return {
      ...failure,
      code,
      what: filled(what),
      ...(why === undefined ? {} : { why: filled(why) }),
      fix: fix.map(filled),
    };
  }
  return failure;
}

/** A name of cargo's message: paths of the sandbox as those of this machine. */
function named(text: string, root: string): string {
  return text.replace(/^\/job\/project(?=\/|$)/, root).replace(/ \((?:registry|\/).*$/, '');
}
