import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Spec, Validation } from '@cyclonedx/cyclonedx-library';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { REPOSITORY } from './cli.ts';

const SPDX = join(REPOSITORY, 'test', 'fixtures', 'sbom', 'spdx-schema-v2.3.json');

/** Validates a document against the official schema of CycloneDX 1.6, with the formats that it names. */
export async function assertCycloneDx(text: string): Promise<void> {
  const validator = new Validation.JsonStrictValidator(Spec.Version.v1dot6);
  assert.equal(await validator.validate(text), null);
}

/** Validates a document against the official schema of SPDX 2.3. */
export function assertSpdx(text: string): void {
  // With the empty fragment that it has, the name of the dialect is not the one that ajv knows.
  const { $schema: _, ...schema } = JSON.parse(readFileSync(SPDX, 'utf8'));
  const validate = new Ajv2019({ allErrors: true, strict: false }).compile(schema);
  validate(JSON.parse(text));
  assert.deepEqual(validate.errors, null);
}
