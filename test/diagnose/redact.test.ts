// Secrets never reach an artifact: by the name of a variable, by the shape of a token, by the value itself.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { redactArguments, redactEnvironment, redactText, secretsOf } from '../../src/diagnose/redact.ts';

const SECRET = 'hunter2-correct-horse';

const ENVIRONMENT = {
  NPM_TOKEN: SECRET,
  CARGO_REGISTRY_TOKEN: SECRET,
  CARGO_REGISTRIES_MY_COMPANY_TOKEN: SECRET,
  CARGO_REGISTRIES_MY_COMPANY_INDEX: `sparse+https://me:${SECRET}@registry.example/index/`,
  PIP_INDEX_URL: `https://me:${SECRET}@index.example/simple`,
  PIP_EXTRA_INDEX_URL: `https://${SECRET}@index.example/simple`,
  TWINE_PASSWORD: SECRET,
  AWS_SECRET_ACCESS_KEY: SECRET,
  AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
  GITHUB_TOKEN: 'ghp_abcdefghijklmnopqrstuvwxyz0123456789',
  https_proxy: `http://me:${SECRET}@proxy.example:3128`,
  NODE_AUTH_TOKEN: SECRET,
  DB_PASS: SECRET,
};

test('a variable with a secret keeps its name and loses its value', () => {
  const shown = redactEnvironment(ENVIRONMENT, secretsOf(ENVIRONMENT));
  assert.deepEqual(
    Object.keys(shown),
    Object.keys(ENVIRONMENT).sort((a, b) => (a < b ? -1 : 1)),
  );
  assert.doesNotMatch(JSON.stringify(shown), /hunter2|AKIA|ghp_/);
  assert.equal(shown.PIP_INDEX_URL, 'https://***@index.example/simple');
  assert.equal(shown.https_proxy, 'http://***@proxy.example:3128');
  assert.equal(shown.CARGO_REGISTRIES_MY_COMPANY_INDEX, 'sparse+https://***@registry.example/index/');
});

test('variables without secrets are left unchanged', () => {
  const plain = {
    PATH: '/usr/bin:/bin',
    CARGO_HOME: '/job/cargo',
    CARGO_REGISTRY_GLOBAL_CREDENTIAL_PROVIDERS: 'cargo:token',
    PYO3_CROSS_LIB_DIR: '/sysroot/usr/lib/python3.13',
    RUSTFLAGS: '-Clink-arg=-Wl,-rpath,$ORIGIN/../lib --remap-path-prefix=/job/project=project',
    SSH_AUTH_SOCK: '/run/user/1000/agent',
    COMPASS: 'north',
    URL: 'https://host.example/path?a=1&b=2',
  };
  assert.deepEqual(
    redactEnvironment(plain, secretsOf(plain)),
    Object.fromEntries(Object.entries(plain).sort()),
  );
});

test('a secret of the environment is redacted wherever a tool prints it, also encoded', () => {
  const secrets = secretsOf({ TOKEN: SECRET, INDEX: 'https://me:p%40ss-word-9@index.example/' });
  const basic = Buffer.from('me:p@ss-word-9').toString('base64');
  const text = `sent ${SECRET}!\nbasic ${basic}\nplain p@ss-word-9 and p%40ss-word-9\nnothing else`;
  assert.equal(redactText(text, secrets), 'sent ***!\nbasic ***\nplain *** and ***\nnothing else');
  assert.deepEqual(secretsOf({ TOKEN: 'ab' }), [], 'too short to look for');
});

const LINES: readonly (readonly [string, string])[] = [
  ['> Authorization: Bearer abcdef123456', '> Authorization: Bearer ***'],
  ['> authorization: Basic bWU6cGFzcw==', '> authorization: Basic ***'],
  ['"Authorization": "token abc123def"', '"Authorization": "token ***"'],
  ['Set-Cookie: id=abc; Path=/', 'Set-Cookie: ***'],
  ['fatal: https://user:pass@host.example/x.git', 'fatal: https://***@host.example/x.git'],
  ['git+ssh://git@host.example/x', 'git+ssh://***@host.example/x'],
  ['//registry.example/:_authToken=npm_abcdefghijklmnopqrstuvwxyz', '//registry.example/:_authToken=***'],
  ['GET /simple?token=abcdef&x=1', 'GET /simple?token=***&x=1'],
  ['export MY_TOKEN="a b c"', 'export MY_TOKEN=***'],
  ['cargo publish --token cioABCDEFGHIJKLMNOPQRSTUVWXYZ012345', 'cargo publish --token ***'],
  ['key npm_abcdefghijklmnopqrstuvwxyz0123', 'key ***'],
  ['pypi-AgEIcHlwaS5vcmcCJGFiY2RlZg', '***'],
  ['jwt eyJhbGciOiJIUzI1.eyJzdWIiOiIx.c2lnbmF0dXJl', 'jwt ***'],
  ['-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----', '***'],
];

for (const [before, after] of LINES) {
  test(`redacted: ${before.split('\n')[0]}`, () => {
    assert.equal(redactText(before), after);
  });
}

test('output of compilers is left unchanged', () => {
  for (const line of [
    "error[E0463]: can't find crate for `core`",
    'error: expected one of `!` or `::`, found token `=`',
    '  --> src/token.rs:3:7',
    'let token = next();',
    '    Updating git repository `https://host.example/x`',
    'note: unexpected token: `==`',
    'if token==other { secret(); }',
  ]) {
    assert.equal(redactText(line), line);
  }
});

test('the argument after an option that takes a secret is redacted', () => {
  assert.deepEqual(
    redactArguments(['cargo', 'login', '--token', 'abc', '--index=https://a:b@c.example/'], []),
    ['cargo', 'login', '--token', '***', '--index=https://***@c.example/'],
  );
});
