import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** What a list of vulnerabilities says of one package. */
export interface Advisory {
  readonly id: string;
  /** Source package of Debian 13, or crate. */
  readonly of: 'deb' | 'rust-crate';
  readonly name: string;
  /** The first version that is corrected. */
  readonly fixed: string;
}

/** As far as grype reads it, which adds what it lacks when it imports it (grype, schema 6 of its database). */
const TABLES = `
CREATE TABLE blobs (id integer PRIMARY KEY AUTOINCREMENT, value text NOT NULL);
CREATE TABLE db_metadata (build_timestamp datetime NOT NULL, model integer NOT NULL, revision integer NOT NULL, addition integer NOT NULL);
CREATE TABLE providers (id text PRIMARY KEY, version text, processor text, date_captured datetime, input_digest text);
CREATE TABLE vulnerability_handles (id integer PRIMARY KEY AUTOINCREMENT, name text NOT NULL, status text NOT NULL, published_date datetime,
  modified_date datetime, withdrawn_date datetime, provider_id text NOT NULL, blob_id integer);
CREATE TABLE operating_systems (id integer PRIMARY KEY AUTOINCREMENT, name text, release_id text, major_version text, minor_version text,
  label_version text, codename text, channel text, eol_date datetime, eoas_date datetime);
CREATE TABLE packages (id integer PRIMARY KEY AUTOINCREMENT, ecosystem text, name text);
CREATE TABLE affected_package_handles (id integer PRIMARY KEY AUTOINCREMENT, vulnerability_id integer NOT NULL, operating_system_id integer,
  package_id integer, blob_id integer);
INSERT INTO operating_systems VALUES (1, 'debian', 'debian', '13', '', '', 'trixie', '', NULL, NULL);
INSERT INTO providers VALUES ('debian', '1', 'test', NULL, ''), ('github', '1', 'test', NULL, '');
`;

/** A database of grype's with these alone: no other can be had without its vendor's server. Returns the variables that have it used. */
export function grypeDatabase(
  grype: string,
  folder: string,
  advisories: readonly Advisory[],
): Readonly<Record<string, string>> {
  mkdirSync(folder);
  const db = new DatabaseSync(join(folder, 'vulnerability.db'));
  db.exec(TABLES);
  db.prepare('INSERT INTO db_metadata VALUES (?, 6, 1, 0)').run(new Date().toISOString());
  const insert = (sql: string, ...values: readonly (string | number | null)[]) =>
    db.prepare(sql).run(...values).lastInsertRowid;
  const blob = (value: object) =>
    Number(insert('INSERT INTO blobs (value) VALUES (?)', JSON.stringify(value)));
  for (const { id, of, name, fixed } of advisories) {
    const [provider, system, type] = of === 'deb' ? ['debian', 1, 'dpkg'] : ['github', null, 'semantic'];
    const severities = [{ scheme: 'CHMLN', value: 'high', rank: 1 }];
    const handle = insert(
      "INSERT INTO vulnerability_handles (name, status, provider_id, blob_id) VALUES (?, 'active', ?, ?)",
      ...([id, provider as string, blob({ id, severities })] as const),
    );
    const found = db.prepare('SELECT id FROM packages WHERE ecosystem = ? AND name = ?').get(of, name);
    const known = found?.id ?? insert('INSERT INTO packages (ecosystem, name) VALUES (?, ?)', of, name);
    const fix = { version: fixed, state: 'fixed' };
    const affected = blob({ cves: [id], ranges: [{ version: { type, constraint: `< ${fixed}` }, fix }] });
    insert(
      'INSERT INTO affected_package_handles (vulnerability_id, operating_system_id, package_id, blob_id) VALUES (?, ?, ?, ?)',
      ...([Number(handle), system as number | null, Number(known), affected] as const),
    );
  }
  db.close();
  const archive = join(folder, 'db.tar.gz');
  spawnSync('tar', ['-C', folder, '-czf', archive, 'vulnerability.db']);
  const env = {
    GRYPE_DB_CACHE_DIR: join(folder, 'cache'),
    GRYPE_DB_AUTO_UPDATE: 'false',
    GRYPE_CHECK_FOR_APP_UPDATE: 'false',
  };
  const run = spawnSync(grype, ['db', 'import', archive], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
  if (run.status !== 0) throw new Error(`grype imports no such database: ${run.stderr}`);
  return env;
}
