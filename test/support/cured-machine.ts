import assert from 'node:assert/strict';
import { placeholders } from '../../src/diagnose/open-diagnostics.ts';
import { catalogueFolder, readCatalogue } from '../../src/diagnose/read-catalogue.ts';
import { recognize } from '../../src/diagnose/recognize.ts';
import type { Blocker } from '../../src/domain/blocker.ts';
import { makePlan } from '../../src/plan/plan.ts';
import { resolveRecipe } from '../../src/recipe/recipe.ts';
import { REPOSITORY } from './cli.ts';
import { DebianMachine } from './debian-machine.ts';

const CATALOGUE = readCatalogue(catalogueFolder(REPOSITORY));
const HOST = { machine: 'x86_64', platform: 'linux' };

type After = { after(done: () => void): void };

/** A Debian machine on which what is printed is recognised, and cures are done as they are printed. */
export class CuredMachine {
  readonly machine: DebianMachine;
  readonly #target: string;
  readonly #values: Readonly<Record<string, string>>;

  private constructor(machine: DebianMachine, target: string, values: Readonly<Record<string, string>>) {
    this.machine = machine;
    this.#target = target;
    this.#values = values;
  }

  static async make(t: After, packages: readonly string[], suite?: string): Promise<CuredMachine> {
    const machine = await DebianMachine.make(t, packages, suite);
    return CuredMachine.as(machine, 'aarch64');
  }

  /** The same machine where something else is built. */
  static async as(machine: DebianMachine, recipe: string): Promise<CuredMachine> {
    const resolved = await resolveRecipe({ home: REPOSITORY, cwd: REPOSITORY }, recipe);
    assert.ok(resolved.ok, JSON.stringify(resolved));
    const plan = makePlan(resolved.value, HOST);
    return new CuredMachine(machine, plan.target.rustTriple, placeholders(plan, recipe));
  }

  /** Runs a script that has to end well. */
  async does(script: string): Promise<string> {
    const { status, output } = await this.machine.run(script);
    assert.equal(status, 0, `${script}\n${output}`);
    return output;
  }

  /** Other variables than those that cures have exported so far. */
  afresh(exports = ''): Promise<string> {
    return this.does(`declare -px > /root/env; ${exports} declare -px > /root/env`);
  }

  recognized(output: string): Blocker | undefined {
    const context = {
      ...{ recipe: 'tried', target: this.#target, folder: 'blockers', versions: {} },
      values: this.#values,
    };
    return recognize({ stage: 'build', doing: 'Building', output }, context, CATALOGUE, []);
  }

  /** Runs a script in a folder until it ends well, cure after cure there: what stood in the way. Exports stay for the next. */
  async follow(
    folder: string,
    script: string,
  ): Promise<{ readonly codes: readonly string[]; readonly output: string }> {
    const codes: string[] = [];
    for (;;) {
      const { status, output } = await this.machine.run(`. /root/env\ncd ${folder}\n${script}`);
      if (status === 0) return { codes, output };
      const blocker = this.recognized(output);
      const code = blocker?.code ?? 'unknown';
      assert.ok(blocker?.cure !== undefined && !codes.includes(code), `${[...codes, code]}\n${output}`);
      codes.push(code);
      await this.does(`. /root/env\ncd ${folder}\n${blocker.cure}\ndeclare -px > /root/env`);
    }
  }
}
