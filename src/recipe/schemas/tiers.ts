import * as z from 'zod';
import { description, INSIDE, NAME, name, program, SAFE_PATH, version } from './common.ts';

const workloadSchema = z.strictObject({
  script: z.string().regex(SAFE_PATH, INSIDE).describe("The script, from the tool's own folder."),
  variable: z.string().min(1).describe('Environment variable with the number of rounds.'),
  rounds: z.array(z.number().int().min(1)).min(2).describe('Rounds that its cost is fitted to, ascending.'),
});

const tierSchema = z
  .strictObject({
    description,
    reference: z
      .string()
      .min(1)
      .optional()
      .describe('It is the reference interpreter of this version of Python, in quotes.'),
    recipe: z
      .string()
      .min(1)
      .optional()
      .describe("The recipe whose bundle runs the script: a name, or a file from the tool's own folder."),
    python: z.string().min(1).optional().describe("Another version of Python than the recipe's, in quotes."),
    image: name.optional().describe('The folder in `docker/` of a locked image that has the program.'),
    program: program.optional().describe('The program of the image that takes the place of `python3`.'),
    gone: z.string().min(1).optional().describe('Why it can be had no longer.'),
    env: z
      .record(z.string(), z.string())
      .default({})
      .describe('Environment of the script, beside that of every sample.'),
  })
  .superRefine((tier, context) => {
    const issue = (key: string, message: string) =>
      context.addIssue({ code: 'custom', path: [key], message });
    const ways = (['reference', 'recipe', 'image', 'gone'] as const).filter((key) => tier[key] !== undefined);
    if (ways.length === 0) issue('recipe', 'there, or else `image`, `reference` or `gone`');
    for (const way of ways.slice(1)) issue(way, `left out: there is \`${ways[0]}\``);
    if ((tier.image === undefined) !== (tier.program === undefined))
      issue('program', 'there exactly where `image` is');
    if (tier.python !== undefined && tier.recipe === undefined)
      issue('python', 'left out: there is no `recipe`');
  });

const named = z.string().regex(NAME, 'a name of letters, digits, `.`, `_`, `-`');

export const tiersSchema = z
  .strictObject({
    schema: version,
    description,
    workloads: z
      .record(named, workloadSchema)
      .describe('Scripts that the costs of tiers are fitted to, by name.'),
    tiers: z.record(named, tierSchema).describe('Ways to run a script, by name, in the order of the table.'),
  })
  .describe('What `provision bench tiers` measures and `provision advise` chooses among.');

export type TiersFile = z.output<typeof tiersSchema>;
