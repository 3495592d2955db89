import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { hostPip } from '../../src/engine/host-pip.ts';
import { readSettings } from '../../src/settings.ts';
import { temporaryFolder } from '../support/cli.ts';

test("pip's configuration, logins and certificates of the machine reach the sandbox at fixed paths", async (t) => {
  const home = temporaryFolder(t);
  mkdirSync(join(home, '.config', 'pip'), { recursive: true });
  mkdirSync(join(home, 'wheels'));
  for (const name of ['.config/pip/pip.conf', '.netrc', 'ca.pem', 'own.conf'])
    writeFileSync(join(home, name), name);
  const env = {
    HOME: home,
    PIP_INDEX_URL: 'file:///index',
    PIP_FIND_LINKS: `${join(home, 'wheels')} /not/there`,
    PIP_CONFIG_FILE: join(home, 'own.conf'),
    PIP_CERT: '/elsewhere.pem',
    PROVISION_CA_BUNDLE: join(home, 'ca.pem'),
    PIPX_HOME: '/x',
    https_proxy: 'proxy:1',
  };
  const settings = readSettings(env, {}, home, home);
  assert.ok(settings.ok);
  const { env: seen, mounts } = await hostPip(settings.value);
  assert.equal(seen.PIP_INDEX_URL, 'file:///index');
  assert.equal(seen.https_proxy, 'proxy:1');
  assert.equal(seen.PIPX_HOME, undefined);
  const at = Object.fromEntries(mounts.map((mount) => [mount.at, 'source' in mount ? mount.source : '']));
  assert.equal(at[seen.PIP_CERT as string], join(home, 'ca.pem'));
  assert.equal(at[seen.PIP_CONFIG_FILE as string], join(home, 'own.conf'));
  assert.equal(at[`${seen.XDG_CONFIG_HOME}/pip/pip.conf`], join(home, '.config/pip/pip.conf'));
  assert.equal(at[`${seen.HOME}/.netrc`], join(home, '.netrc'));
  assert.equal(at[join(home, 'wheels')], join(home, 'wheels'));
  assert.equal(at['/not/there'], undefined);
});
