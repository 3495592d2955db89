/** What a secret is replaced by. */
const REDACTED = '***';

/** Names of variables whose values are secret. */
const SECRET_NAME =
  /TOKEN|SECRET|PASSW(?:OR)?D|PASSPHRASE|CREDENTIAL|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|(?:^|_)AUTH|COOKIE|(?:^|_)PASS(?:$|_)/i;

/** Names that only sound secret: their values are paths or names of programs. */
const PUBLIC_NAME =
  /^(?:CARGO_REGISTRY_GLOBAL_)?CREDENTIAL_PROVIDERS?$|_CREDENTIAL_PROVIDER$|^SSH_AUTH_SOCK$/;

/** Shorter ones would also be found where they are no secret. */
const SHORTEST = 6;

const RULES: readonly (readonly [RegExp, string])[] = [
  // The login in an address (RFC 3986, section 3.2.1).
  [/([a-z][a-z0-9+.-]*:\/\/)[^\s/@'"<>]*@/gi, `$1${REDACTED}@`],
  // HTTP's own headers (RFC 9110, section 11), with or without quotes.
  [
    /((?:proxy-)?authorization['"]?\s*[:=]\s*['"]?)(?:(basic|bearer|token|digest|negotiate)\s+)?[^\s'",;]+/gi,
    `$1$2 ${REDACTED}`,
  ],
  [/((?:set-)?cookie['"]?\s*:\s*)[^\r\n]+/gi, `$1${REDACTED}`],
  [
    /((?:x-[a-z-]*)?(?:api-?key|auth-?token|access-?token|x-token)['"]?\s*[:=]\s*['"]?)[^\s'"&,;]+/gi,
    `$1${REDACTED}`,
  ],
  // npm's configuration; assignments in a shell and queries, which have no blanks: source code that a compiler quotes has.
  [/(_(?:authToken|auth|password)\s*=\s*)(?:"[^"\n]*"|'[^'\n]*'|[^\s'"&,;]+)/g, `$1${REDACTED}`],
  [
    /((?:^|[\s?&;,'"{(])[\w.:/-]*(?:token|secret|passw(?:or)?d|passphrase)['"]?=)(?:"[^"\n]*"|'[^'\n]*'|[^\s'"&,;=]+)/gim,
    `$1${REDACTED}`,
  ],
  [/(--(?:token|password|passphrase|secret|api-key|auth)[= ])(?:"[^"\n]*"|'[^'\n]*'|\S+)/gi, `$1${REDACTED}`],
  // Tokens that show what they are: GitHub's, GitLab's, npm's, PyPI's, cargo's, AWS's, Slack's, JSON Web Tokens.
  [
    /\b(?:gh[pousr]_[A-Za-z0-9]{16,}|github_pat_\w{20,}|glpat-[\w-]{16,}|npm_[A-Za-z0-9]{20,}|pypi-[\w-]{16,}|cio[A-Za-z0-9]{28,}|AKIA[0-9A-Z]{16}|xox[abprs]-[\w-]{10,}|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]+)/g,
    REDACTED,
  ],
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?-----END [A-Z ]*PRIVATE KEY-----/g, REDACTED],
];

/** Secrets that an environment holds: they are redacted by their value, wherever a tool prints them. */
export function secretsOf(environment: Readonly<Record<string, string>>): readonly string[] {
  const found = new Set<string>();
  for (const [name, value] of Object.entries(environment)) {
    if (isSecretName(name)) found.add(value.trim());
    for (const [, login = ''] of value.matchAll(/[a-z][a-z0-9+.-]*:\/\/([^\s/@]+)@/gi)) {
      for (const secret of loginSecrets(login)) found.add(secret);
    }
  }
  return [...found].filter((secret) => secret.length >= SHORTEST).sort((a, b) => b.length - a.length);
}

/** Password, plain and as it stands in the address, and what HTTP's Basic scheme makes of the pair. */
function loginSecrets(login: string): readonly string[] {
  const password = login.slice(login.indexOf(':') + 1);
  let plain = login;
  try {
    plain = decodeURIComponent(login);
  } catch {
    // Not encoded: it stands as it is.
  }
  return [
    password,
    plain.slice(plain.indexOf(':') + 1),
    Buffer.from(login).toString('base64'),
    Buffer.from(plain).toString('base64'),
  ];
}

/** Text without secrets: those given, and whatever looks like one. */
export function redactText(text: string, secrets: readonly string[] = []): string {
  const known = secrets.reduce((rest, secret) => rest.replaceAll(secret, REDACTED), text);
  return RULES.reduce((rest, [pattern, to]) => rest.replace(pattern, to), known);
}

/** An environment that may be shown. */
export function redactEnvironment(
  environment: Readonly<Record<string, string>>,
  secrets: readonly string[],
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, value]) => [
        name,
        isSecretName(name) && value !== '' ? REDACTED : redactText(value, secrets),
      ]),
  );
}

/** A command line that may be shown: also the argument after an option that takes a secret. */
export function redactArguments(argv: readonly string[], secrets: readonly string[]): readonly string[] {
  return argv.map((word, index) =>
    /^--?(?:token|password|passphrase|secret|api-key|auth)$/i.test(argv[index - 1] ?? '')
      ? REDACTED
      : redactText(word, secrets),
  );
}

function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name) && !PUBLIC_NAME.test(name);
}
