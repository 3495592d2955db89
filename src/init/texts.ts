import { posix } from 'node:path';
import type { Crate } from '../domain/crate.ts';
import { shellWord } from '../domain/shell.ts';
import type { FirstServer } from './server.ts';
import type { FirstCommand, Shape } from './shape.ts';

/** The user's choices, or the defaults where nothing is prompted for. */
export interface Choices {
  /** Shipped recipe. */
  readonly recipe: string;
  readonly tests: readonly TestKind[];
  /** What the program is taken for. */
  readonly shape: Shape;
  /** Folders of the crate with modules that the program imports; absent: none. */
  readonly paths?: readonly string[];
  /** `owner/repository@ref` of the action; absent: a variable of the repository names the tool's own. */
  readonly action?: string;
}

export const TEST_KINDS = ['samples', 'cargo', 'command'] as const;
export type TestKind = (typeof TEST_KINDS)[number];

/** `provision.yaml`. `project` is the crate's folder relative to it. */
export function recipeText(
  { bin, bins }: Crate,
  { recipe, tests, shape, paths = [] }: Choices,
  project: string,
): string {
  const own = [
    ...(project === '.' ? [] : [`  path: ${quoted(project)}`]),
    ...(bins.length > 1 ? [`  bin: ${bin}`] : []),
  ];
  return [
    '# What `provision run` does here; `provision <recipe>` does it for another target. Every key is explained in',
    '# docs/recipe-reference.md of provision, "Extending recipe".',
    'schema: 1',
    `extends: ${recipe}`,
    ...(own.length === 0 ? [] : ['project:', ...own]),
    ...pathsText(paths.map((path) => posix.join(project, path))),
    ...(tests.includes('samples') ? samplesText(bin, shape) : []),
    ...testsText(bin, tests, shape),
    '',
  ].join('\n');
}

function pathsText(paths: readonly string[]): readonly string[] {
  return paths.length === 0
    ? []
    : [
        '# Folders of modules that the program imports: they go into the bundle.',
        'python:',
        `  paths: ${listed(paths.map((path) => `${path}/`))}`,
      ];
}

const PLAIN = ['{script}', '{args}'].join();

function samplesText(bin: string, { script = ['{script}', '{args}'] }: Shape): readonly string[] {
  const line = script.map((word) => (word === '{script}' ? 'script.py' : word === '{args}' ? '…' : word));
  return [
    `# Scripts that must print the same in CPython and in the program, which is started as \`${bin} ${line.join(' ')}\`.`,
    'samples:',
    '  path: samples',
    ...(script.join() === PLAIN
      ? ['  # Where the program takes a script otherwise:', '  # args: [run, "{script}", "{args}"]']
      : [`  args: ${listed(script)}`]),
  ];
}

function testsText(bin: string, tests: readonly TestKind[], shape: Shape): readonly string[] {
  const cargo = tests.includes('cargo')
    ? ['  # `cargo test`, its programs run on the target.', '  cargo: {}']
    : [];
  const command = tests.includes('command') ? commandText(bin, shape.command ?? HELP) : [];
  return cargo.length + command.length === 0 ? [] : ['tests:', ...cargo, ...command];
}

const HELP: FirstCommand = { name: 'help', args: ['--help'], about: 'must end with status 0' };

function commandText(
  bin: string,
  { name, args, stdin, status, files = [], about, server }: FirstCommand,
): readonly string[] {
  return [
    '  commands:',
    `    # \`${[bin, ...args].join(' ')}\`: ${about}.`,
    server === undefined
      ? '    # More: `stdout`, what it must print; `reference`, to compare with CPython.'
      : '    # More below `ask`: `http: /path` or `tcp: text`, and with `expect` what must come.',
    `    - name: ${name}`,
    ...(args.length === 0 ? [] : [`      args: ${listed(args)}`]),
    ...(stdin === undefined ? [] : [`      stdin: ${JSON.stringify(stdin)}`]),
    ...(files.length === 0
      ? []
      : [
          '      # Copied into the working folder, which is empty otherwise. They are not part of the bundle.',
          `      files: ${listed(files)}`,
        ]),
    ...(status === undefined ? [] : [`      status: ${status}`]),
    ...(server === undefined ? [] : serverText(server)),
  ];
}

function serverText({ port, ready, http }: FirstServer): readonly string[] {
  return [
    '      server:',
    port === undefined ? `        ready: ${JSON.stringify(ready)}` : `        port: ${port}`,
    ...(http === undefined ? [] : ['        ask:', `          - http: ${http}`]),
  ];
}

/** A list in YAML's flow style, which JSON's strings are part of. */
function listed(words: readonly string[]): string {
  return `[${words.map((word) => (/^[\w-]+$/.test(word) ? word : JSON.stringify(word))).join(', ')}]`;
}

/** A first sample. Its output is the same on every machine, and is flushed even if the interpreter is not finalized. */
export const SAMPLE_TEXT = `# /// sample
# title: The program runs Python
# ///
import json
import sys

print(json.dumps({"answer": sum(range(10)), "text": "h\\u00e9llo"}, sort_keys=True))
print("arguments:", sys.argv[1:])
# A program that does not end its interpreter loses what is still in a buffer.
sys.stdout.flush()
`;

const CHECKOUT = 'actions/checkout@de0fac2e4500dabe0009e67214ff5f5447ce83dd # v6.0.2';

const ATTEST = 'actions/attest-build-provenance@977bb373ede98d70efdf65b84cb5f73e068dcc2a # v3.0.0';

/** The workflow file. `project` is the folder of \`provision.yaml\` relative to the repository's. */
export function workflowText({ recipe, action }: Choices, project: string): string {
  const named = project === '.' ? [] : [`          project: ${quoted(project)}`];
  const tool =
    action === undefined
      ? [
          '      # The repository of provision, as `owner/name`: a variable of this repository or its organization.',
          `      - uses: ${CHECKOUT}`,
          '        with:',
          `          repository: ${expression('vars.PROVISION_REPOSITORY')}`,
          '          path: .provision-tool',
          '      - uses: ./.provision-tool',
          '        id: provision',
        ]
      : [`      - uses: ${action}`, '        id: provision'];
  return [
    '# Builds the program for each recipe, and runs its tests there.',
    'name: provision',
    '',
    'on:',
    '  push:',
    '  pull_request:',
    '',
    'permissions:',
    '  contents: read',
    '  # For the attestation.',
    '  id-token: write',
    '  attestations: write',
    '',
    'jobs:',
    '  provision:',
    `    name: ${expression('matrix.recipe')}`,
    '    runs-on: ubuntu-24.04',
    '    timeout-minutes: 60',
    '    strategy:',
    '      fail-fast: false',
    '      matrix:',
    `        recipe: [${recipe}]`,
    '    steps:',
    `      - uses: ${CHECKOUT}`,
    ...tool,
    '        with:',
    `          recipe: ${expression('matrix.recipe')}`,
    ...(named.length > 0 ? named : ["          project: '.'"]),
    '      # Who built the bundle, signed in the name of this workflow: `gh attestation verify <bundle> --repo <owner>/<name>`.',
    `      - uses: ${ATTEST}`,
    `        if: ${expression(ATTESTED)}`,
    '        with:',
    `          subject-path: ${expression('steps.provision.outputs.bundle')}`,
    '',
  ].join('\n');
}

/** The workflow that looks for newer packages. `project` as above. */
export function upgradeWorkflowText({ action }: Choices, project: string): string {
  const [, repository, ref] = /^([^/@]+\/[^/@]+)[^@]*@(.+)$/.exec(action ?? '') ?? [];
  return [
    '# Looks every week for newer versions of what `provision.yaml` and Cargo.lock have locked, and proposes them where the samples pass.',
    'name: provision-upgrade',
    '',
    'on:',
    '  schedule:',
    "    - cron: '17 4 * * 1'",
    '  workflow_dispatch:',
    '',
    'permissions:',
    '  contents: write',
    '  pull-requests: write',
    '',
    'jobs:',
    '  upgrade:',
    '    runs-on: ubuntu-24.04',
    '    timeout-minutes: 120',
    '    steps:',
    `      - uses: ${CHECKOUT}`,
    '      # The repository of provision.',
    `      - uses: ${CHECKOUT}`,
    '        with:',
    `          repository: ${repository ?? expression('vars.PROVISION_REPOSITORY')}`,
    ...(ref === undefined ? [] : [`          ref: ${quoted(ref)}`]),
    '          path: .provision-tool',
    '      - name: Upgrade',
    '        run: |',
    `          .provision-tool/provision upgrade --project ${shellWord(project)} --summary "$RUNNER_TEMP/upgrade.md"`,
    '      - name: Propose',
    '        env:',
    `          GH_TOKEN: ${expression('github.token')}`,
    '        run: |',
    '          git add --update',
    '          if git diff --cached --quiet; then exit 0; fi',
    '          git switch --create provision-upgrade',
    '          git -c user.name=provision -c user.email=provision@localhost commit --message "Newer locked packages"',
    '          git push --force origin provision-upgrade',
    '          gh pr edit provision-upgrade --body-file "$RUNNER_TEMP/upgrade.md" ||',
    '            gh pr create --head provision-upgrade --title "Newer locked packages" --body-file "$RUNNER_TEMP/upgrade.md"',
    '',
  ].join('\n');
}

/** Forks get no identity to sign with, and not every plan has attestations in private repositories. */
const ATTESTED =
  "github.event_name == 'push' && !github.event.repository.private && steps.provision.outputs.bundle != ''";

/** An expression of GitHub Actions. */
function expression(text: string): string {
  return `\${{ ${text} }}`;
}

/** A YAML scalar, quoted where it could be read as another type. */
function quoted(text: string): string {
  return /^[A-Za-z0-9_][A-Za-z0-9_./-]*$/.test(text) ? text : `'${text.replaceAll("'", "''")}'`;
}
