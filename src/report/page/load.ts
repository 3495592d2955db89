import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Amortization } from '../../domain/amortization.ts';
import type { BlockerSummary, Ladder } from '../../domain/blocker.ts';
import type { Conformance } from '../../domain/conformance.ts';
import { defined } from '../../domain/defined.ts';
import type { OverheadReport } from '../../domain/overhead.ts';
import type { Report } from '../../domain/report.ts';
import type { TierTable } from '../../domain/tier-table.ts';

/** What the run of one recipe left. */
export interface RecipeArtifacts {
  /** Folder of the artifacts, relative to the page; empty where the page is in it. */
  readonly folder: string;
  readonly report: Report;
  readonly blockers: readonly BlockerSummary[];
}

/** A measurement, and the drawing that was made with it where there is one. */
export interface Measured<T> {
  readonly data: T;
  readonly svg?: string;
}

/** All lists are sorted by recipe; a recipe may have a measurement and no run. */
export interface Artifacts {
  readonly recipes: readonly RecipeArtifacts[];
  readonly ladders: readonly Ladder[];
  readonly conformances: readonly Conformance[];
  readonly amortizations: readonly Measured<Amortization>[];
  readonly tax?: Measured<OverheadReport>;
  readonly tiers?: Measured<TierTable>;
  /** Files that are there and could not be read, with the reason. */
  readonly unreadable: readonly { readonly file: string; readonly why: string }[];
}

/**
 * Reads what is in an artifacts folder: a folder for each recipe, or the artifacts of one recipe. Files of other versions
 * or makers are listed as unreadable, and the rest is shown.
 */
export async function loadArtifacts(folder: string): Promise<Artifacts> {
  const reader = new Reader(folder);
  const recipes: RecipeArtifacts[] = [];
  const ladders: Ladder[] = [];
  const conformances: Conformance[] = [];
  const amortizations: Measured<Amortization>[] = [];
  for (const name of ['', ...(await foldersIn(folder))]) {
    const report = await reader.json<Report>(name, 'report.json', isReport);
    if (report !== undefined) recipes.push(recipeOf(name, report));
    ladders.push(...some(await reader.json<Ladder>(name, 'ladder.json', isLadder)));
    conformances.push(...some(await reader.json<Conformance>(name, 'conformance.json', isConformance)));
    amortizations.push(...some(await reader.measured<Amortization>(name, 'amortize', isAmortization)));
  }
  const tax = await reader.measured<OverheadReport>('', 'tax', isTax);
  const tiers = await reader.measured<TierTable>('', 'tiers', isTierTable);
  const { unreadable } = reader;
  return {
    recipes: byName(recipes, ({ report }) => report.recipe),
    ladders: byName(ladders, ({ recipe }) => recipe),
    conformances: byName(conformances, ({ recipe }) => recipe),
    amortizations: byName(amortizations, ({ data }) => data.recipe),
    ...defined({ tax, tiers }),
    unreadable,
  };
}

function recipeOf(folder: string, report: Report): RecipeArtifacts {
  const whole = listOf(report.blockers, 'code', 'title', 'stage', 'file', 'log');
  return { folder, report, blockers: whole ? report.blockers : [] };
}

function some<T>(value: T | undefined): readonly T[] {
  return value === undefined ? [] : [value];
}

function byName<T>(values: readonly T[], name: (value: T) => string): readonly T[] {
  return [...values].sort((a, b) => (name(a) < name(b) ? -1 : 1));
}

async function foldersIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(absent);
  return (entries ?? [])
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort();
}

class Reader {
  readonly unreadable: { readonly file: string; readonly why: string }[] = [];
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async json<T>(folder: string, name: string, fits: (value: Fields) => boolean): Promise<T | undefined> {
    const text = await this.#text(folder, name);
    if (text === undefined) return undefined;
    try {
      const value: unknown = JSON.parse(text);
      if (isObject(value) && value.schema === 1 && fits(value)) return value as T;
      this.unreadable.push({ file: join(folder, name), why: 'it is not of this version of provision' });
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      this.unreadable.push({ file: join(folder, name), why: error.message });
    }
    return undefined;
  }

  /** A measurement with its drawing: `<name>.json`, `<name>.svg`. */
  async measured<T>(
    folder: string,
    name: string,
    fits: (value: Fields) => boolean,
  ): Promise<Measured<T> | undefined> {
    const data = await this.json<T>(folder, `${name}.json`, (value) => value.what === name && fits(value));
    if (data === undefined) return undefined;
    const svg = await this.#text(folder, `${name}.svg`);
    return { data, ...defined({ svg }) };
  }

  async #text(folder: string, name: string): Promise<string | undefined> {
    try {
      return await readFile(join(this.#folder, folder, name), 'utf8');
    } catch (error) {
      absent(error);
      return undefined;
    }
  }
}

type Fields = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function listOf(value: unknown, ...texts: readonly string[]): boolean {
  return (
    Array.isArray(value) &&
    value.every((one) => isObject(one) && texts.every((key) => typeof one[key] === 'string'))
  );
}

function isSamples(value: unknown): boolean {
  return listOf(value, 'name', 'title', 'tier', 'status', 'file');
}

function isReport(report: Fields): boolean {
  const { recipe, target, samples, systems = [], stages, notices, totals, host, tool } = report;
  return (
    typeof recipe === 'string' &&
    [target, totals, host, tool].every(isObject) &&
    isSamples(samples) &&
    listOf(systems, 'name') &&
    (systems as readonly Fields[]).every((one) => isSamples(one.samples) && isObject(one.totals)) &&
    listOf(stages, 'name', 'outcome') &&
    listOf(notices, 'message')
  );
}

function isLadder({ recipe, steps }: Fields): boolean {
  return typeof recipe === 'string' && listOf(steps, 'name', 'title', 'command');
}

function isConformance({ recipe, modules, totals }: Fields): boolean {
  return (
    typeof recipe === 'string' &&
    listOf(modules, 'name') &&
    (modules as readonly Fields[]).every(
      (one) => isObject(one.reference) && isObject(one.target) && listOf(one.differences, 'test', 'kind'),
    ) &&
    isObject(totals) &&
    isObject(totals.reference) &&
    isObject(totals.target)
  );
}

function isAmortization({ recipe, target, points }: Fields): boolean {
  return (
    typeof recipe === 'string' &&
    isObject(target) &&
    listOf(points) &&
    (points as readonly Fields[]).every((one) => isObject(one.python) && isObject(one.isolate))
  );
}

function isTax({ cells, factors, conclusion }: Fields): boolean {
  return listOf(cells, 'name') && listOf(factors, 'factor', 'from', 'to') && typeof conclusion === 'string';
}

function isTierTable({ tiers, workload }: Fields): boolean {
  return listOf(tiers, 'name', 'description') && typeof workload === 'string';
}

function absent(error: unknown): undefined {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EACCES') return undefined;
  throw error;
}
