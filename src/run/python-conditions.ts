import type { Sample } from '../domain/sample.ts';
import { versionHas } from '../requirements/version.ts';

/** A relation to a version: `>=3.12`. */
interface Condition {
  readonly operator: string;
  readonly version: string;
}

/** Conditions on the version of Python, as PEP 440 writes them; undefined where the text is none. */
export function parseConditions(text: string): readonly Condition[] | undefined {
  const found = text.split(',').map((part) => /^(>=|<=|==|!=|>|<)\s*(3\.\d+)$/.exec(part.trim()));
  const conditions = found.flatMap((one) =>
    one === null ? [] : [{ operator: one[1] as string, version: one[2] as string }],
  );
  return conditions.length === found.length ? conditions : undefined;
}

/** Whether a version (`3.14`) meets all conditions. */
function meets(version: string, text: string): boolean {
  const conditions = parseConditions(text) ?? [];
  return conditions.every((one) => versionHas(version, one.operator, one.version) === true);
}

/** Whether a sample is for a version of Python. */
export function isFor({ python }: Pick<Sample, 'python'>, version: string): boolean {
  return python === undefined || meets(version, python);
}
