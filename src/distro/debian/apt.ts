import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../../domain/context.ts';
import { defined } from '../../domain/defined.ts';
import { err, ok, type Result } from '../../domain/result.ts';
import { runProcess } from '../../exec/process.ts';
import type { Failure } from '../../failure.ts';
import { SOURCE } from './entries.ts';
import { APT_TIME_LIMIT_MS, COMPONENT } from './settings.ts';

/** apt.conf(5) as `apt-config dump` prints it: keys as they are written (`Acquire::http::Proxy`) and their values. */
export type AptSettings = readonly (readonly [key: string, value: string])[];

/** What a private apt works with, beside its architecture. */
export interface AptOptions {
  readonly suite: string;
  /** Archive root. */
  readonly mirror: string;
  /** The only keys that are trusted. */
  readonly keyring: string;
  readonly proxies: Readonly<Record<string, string>>;
  /** Settings of the machine's own apt that are passed on (`inheritedSettings`). */
  readonly settings: AptSettings;
  /** Where programs are looked for. */
  readonly path: string;
}

/** The output of an apt command; `ok` where it exited 0. */
export interface AptOutput {
  readonly ok: boolean;
  readonly stdout: string;
  /** Lines of both streams that carry a message, in the order stdout, stderr. */
  readonly messages: readonly string[];
}

/**
 * apt with a root of its own: nothing of the machine's packages, sources, keys or preferences is seen, and nothing of
 * the machine is changed. It knows one architecture, which it takes for the machine's; with the architecture `source` it
 * reads the `Sources` index alone. Works as an ordinary user.
 * Configuration: apt.conf(5); `APT_CONFIG` is read first and points all other places into the root.
 */
export class PrivateApt {
  readonly folder: string;
  readonly architecture: string;
  readonly #context: Context;
  readonly #options: AptOptions;

  private constructor(context: Context, folder: string, architecture: string, options: AptOptions) {
    this.#context = context;
    this.folder = folder;
    this.architecture = architecture;
    this.#options = options;
  }

  /** Makes the root in a folder that does not exist. */
  static async create(
    context: Context,
    folder: string,
    architecture: string,
    options: AptOptions,
  ): Promise<PrivateApt> {
    const folders = [
      'etc/parts',
      'etc/sources',
      'etc/preferences',
      'etc/trusted',
      'state/lists/partial',
      'cache/archives/partial',
    ];
    for (const name of folders) await mkdir(join(folder, name), { recursive: true });
    await writeFile(join(folder, 'status'), '');
    await writeFile(join(folder, 'apt.conf'), configuration(folder, architecture, options.settings));
    await writeFile(join(folder, 'etc/sources/archive.sources'), source(options, architecture));
    await copyFile(options.keyring, join(folder, 'etc/trusted/archive.gpg'));
    return new PrivateApt(context, folder, architecture, options);
  }

  /** Fetches the index, signature checked. It fails where an index cannot be fetched or is not trusted. */
  update(): Promise<Result<AptOutput>> {
    return this.run(['apt-get', 'update', '-o', 'APT::Update::Error-Mode=any']);
  }

  async run(argv: readonly [string, ...string[]]): Promise<Result<AptOutput>> {
    this.#context.emit({ type: 'command', stage: 'lock', line: argv.join(' ') });
    const run = await runProcess({
      argv,
      env: {
        ...this.#options.proxies,
        PATH: this.#options.path,
        LC_ALL: 'C',
        APT_CONFIG: join(this.folder, 'apt.conf'),
      },
      cwd: this.folder,
      timeoutMs: APT_TIME_LIMIT_MS,
      maxOutput: 256 * 1024 * 1024,
      signal: this.#context.signal,
    });
    if (!run.ok) return err(run.error.code === 'engine/command-not-found' ? noApt(argv[0]) : run.error);
    const stdout = Buffer.from(run.value.stdout).toString('utf8');
    const lines = `${stdout}\n${Buffer.from(run.value.stderr).toString('utf8')}`
      .split('\n')
      .map((line) => line.trimEnd());
    const { status, signal, limit } = run.value;
    if (argv[0] === 'apt-get' && status !== 0) {
      this.#context.emit({
        type: 'step-failed',
        step: {
          ...{ stage: 'lock', doing: 'Resolving with apt', argv, cwd: this.folder, place: 'host' },
          env: { ...this.#options.proxies, PATH: this.#options.path },
          exit: defined({ status, signal, limit }),
          ms: Math.round(run.value.ms),
          output: lines.join('\n'),
        },
      });
    }
    const ended = limit === 'time' ? [`(ended after ${APT_TIME_LIMIT_MS / 1000} seconds)`] : [];
    return ok({ ok: status === 0, stdout, messages: [...lines.filter(Boolean), ...ended] });
  }
}

/** The settings of the machine's apt that a connection to a mirror may need: TLS, time-outs, clocks; proxies aside. */
export function inheritedSettings(configuration: AptSettings, caBundle: string | undefined): AptSettings {
  const inherited = /^acquire::(?:https?::(?!proxy(?:::|$))|check-date$|check-valid-until$|forceipv[46]$)/i;
  const kept = configuration.filter(([key, value]) => inherited.test(key) && value !== '');
  const hasBundle = kept.some(([key]) => /^acquire::https::cainfo$/i.test(key));
  return hasBundle || caBundle === undefined ? kept : [...kept, ['Acquire::https::CaInfo', caBundle]];
}

function configuration(folder: string, architecture: string, inherited: AptSettings): string {
  const settings: AptSettings = [
    ['Dir', '/'],
    ['Dir::Etc', join(folder, 'etc')],
    ['Dir::Etc::main', 'none'],
    ['Dir::Etc::parts', 'parts'],
    ['Dir::Etc::sourcelist', 'none'],
    ['Dir::Etc::sourceparts', 'sources'],
    ['Dir::Etc::preferences', 'none'],
    ['Dir::Etc::preferencesparts', 'preferences'],
    ['Dir::Etc::trusted', 'none'],
    // Not Signed-By in the source: it takes no path with a space in it.
    ['Dir::Etc::trustedparts', 'trusted'],
    ['Dir::State', join(folder, 'state')],
    ['Dir::State::status', join(folder, 'status')],
    ['Dir::Cache', join(folder, 'cache')],
    ['Dir::Log', join(folder, 'log')],
    ['APT::Architecture', architecture],
    ['APT::Architectures::', architecture],
    ['APT::Install-Recommends', 'false'],
    ['APT::Install-Suggests', 'false'],
    // Else root's apt fetches as a user who may not enter this folder.
    ['APT::Sandbox::User', 'root'],
    ['Acquire::Languages', 'none'],
    ['Acquire::Retries', '1'],
    ['Acquire::http::Timeout', '20'],
    ['Acquire::https::Timeout', '20'],
    // Hashes of `--print-uris`; the weakest one a mirror offers otherwise.
    ['Acquire::ForceHash', 'SHA256'],
    ['Acquire::AllowInsecureRepositories', 'false'],
    ['Acquire::AllowWeakRepositories', 'false'],
    ['Acquire::AllowDowngradeToInsecureRepositories', 'false'],
    ...inherited,
  ];
  return settings.map(([key, value]) => `${key} "${value}";\n`).join('');
}

function source({ mirror, suite }: AptOptions, architecture: string): string {
  const type = architecture === SOURCE ? 'deb-src' : 'deb';
  return `Types: ${type}\nURIs: ${mirror}\nSuites: ${suite}\nComponents: ${COMPONENT}\n`;
}

function noApt(program: string): Failure {
  return {
    code: 'lock/no-apt',
    what: `Locks are resolved by apt, and \`${program}\` is not on this machine.`,
    fix: [
      'Run the same command on a Debian or Ubuntu machine, or in a container of one, and commit the lock.',
      'What is locked already can be used on any Linux: only resolving anew needs apt.',
    ],
  };
}
