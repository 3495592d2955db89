import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Blocker } from '../domain/blocker.ts';
import { defined } from '../domain/defined.ts';

/**
 * Blockers as a log of the Static Analysis Results Interchange Format 2.1.0 (OASIS standard): one rule for each kind,
 * one result for each blocker, at the recipe's file, with its fix.
 */
export function sarifLog(
  blockers: readonly Blocker[],
  tool: { readonly name: string; readonly version: string },
  /** File of the recipe, as an address below the folder that the command was given in. */
  recipe: string,
): object {
  const codes = [...new Set(blockers.map(({ code }) => code))];
  const rules = codes.map((code) => ruleOf(blockers.find((one) => one.code === code) as Blocker));
  return {
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: tool.name, semanticVersion: tool.version, rules } },
        columnKind: 'utf16CodeUnits',
        results: blockers.map((blocker) => resultOf(blocker, codes.indexOf(blocker.code), recipe)),
      },
    ],
  };
}

function ruleOf({ code, title, because, advice, cure }: Blocker): object {
  const help = [because, ...(cure === undefined ? [] : [`Fix: ${cure}`]), ...advice].join('\n');
  return {
    id: `blocker/${code}`,
    shortDescription: { text: title },
    fullDescription: { text: because },
    help: { text: help },
    defaultConfiguration: { level: 'error' },
  };
}

function resultOf(blocker: Blocker, index: number, recipe: string): object {
  const { code, title, lines, cure, command, exit, stage, target, log, samples = [] } = blocker;
  const message = [`${title}.`, ...lines, ...(cure === undefined ? [] : [`Fix: ${cure}`])].join('\n');
  return {
    ruleId: `blocker/${code}`,
    ruleIndex: index,
    level: 'error',
    kind: 'fail',
    message: { text: message },
    locations: [
      { physicalLocation: { artifactLocation: { uri: encodeURI(recipe) }, region: { startLine: 1 } } },
    ],
    relatedLocations: [
      {
        id: 0,
        physicalLocation: { artifactLocation: { uri: log } },
        message: { text: 'Everything that was printed' },
      },
    ],
    partialFingerprints: { 'provisionBlocker/v1': `${blocker.recipe}/${target}/${stage}/${code}` },
    properties: {
      stage,
      target,
      ...defined({ command: command?.line, exit }),
      ...(samples.length === 0 ? {} : { samples }),
    },
  };
}

/** Writes `<name>.sarif`, whole. */
export function writeSarif(artifacts: string, name: string, log: object): void {
  const file = join(artifacts, `${name}.sarif`);
  writeFileSync(`${file}.tmp`, `${JSON.stringify(log, null, 2)}\n`);
  renameSync(`${file}.tmp`, file);
}
