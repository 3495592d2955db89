import { standalone } from '../charts/draw.ts';
import { chartPage } from '../charts/page.ts';
import { tiersChart } from '../charts/tiers.ts';
import type { Invocation, Outcome } from '../commands/command.ts';
import { defined } from '../domain/defined.ts';
import type { Report } from '../domain/report.ts';
import { ok, type Result } from '../domain/result.ts';
import type { TierRow, TierTable } from '../domain/tier-table.ts';
import { loadArtifacts } from '../report/page/load.ts';
import { withTemporaryFolder } from '../store/scratch.ts';
import { artifactsOf, measuredBy, refreshPage, writeFiles } from './artifacts.ts';
import { countOption } from './options.ts';
import { type Calibrations, calibrate } from './tiers/calibrate.ts';
import { type OpenTier, type OpenTiers, withTiers } from './tiers/open.ts';
import { tiersText } from './tiers/text.ts';

const ROUNDS = 5;

/** `provision bench tiers`: what a run costs in each tier, and how alike it is to the reference. */
export async function benchTiers(invocation: Invocation): Promise<Result<Outcome>> {
  const { context, positionals } = invocation;
  const rounds = countOption(invocation, 'rounds', 1);
  if (!rounds.ok) return rounds;
  const names = positionals.slice(1);
  const started = Date.now();
  return withTemporaryFolder(context.settings.store, 'bench', (folder) =>
    withTiers(context, { make: true, folder, ...(names.length > 0 ? { names } : {}) }, async (tiers) => {
      const options = { folder, anew: true, rounds: rounds.value ?? ROUNDS };
      const measured = await calibrate(tiers, options);
      if (!measured.ok) return measured;
      const artifacts = artifactsOf(invocation);
      const { recipes } = await loadArtifacts(artifacts);
      const table: TierTable = {
        ...measuredBy(context, started),
        what: 'tiers',
        reference: tiers.reference.definition.name,
        rounds: options.rounds,
        warmUp: 1,
        workload: tiers.workloads[0]?.name ?? '',
        tiers: rowsOf(
          tiers,
          measured.value,
          recipes.map(({ report }) => report),
        ),
      };
      const svg = tiersChart(table);
      const text = tiersText(table);
      const written = await writeFiles(artifacts, {
        'tiers.json': `${JSON.stringify(table, null, 2)}\n`,
        'tiers.svg': standalone(svg),
        'tiers.html': chartPage('Tiers', svg, text),
      });
      const paged = written.ok ? await refreshPage(artifacts) : written;
      return paged.ok ? ok({ text, json: table }) : paged;
    }),
  );
}

function rowsOf(
  { reference, others, absent }: OpenTiers,
  { of }: Calibrations,
  reports: readonly Report[],
): readonly TierRow[] {
  const measured = [reference, ...others].flatMap((tier): readonly TierRow[] => {
    const { name, description } = tier.definition;
    const one = of.get(name);
    if (one === undefined) return [];
    const { launch, steps } = one.costs;
    return [
      {
        ...{ name, description, launch, memory: one.memory, differing: one.differing },
        steps: Object.fromEntries(
          Object.entries(steps)
            .filter(([workload]) => !one.differing.includes(workload))
            .map(([workload, ms]) => [workload, ms * 1e6]),
        ),
        ...defined({ size: tier.size, samples: samplesOf(tier, reports) }),
      },
    ];
  });
  const missing = absent.map(
    ({ name, description, why, command }): TierRow => ({
      name,
      description,
      absent: why,
      ...defined({ command }),
    }),
  );
  return [...measured, ...missing];
}

/** The samples of the last run of the tier's recipe; a variable may make another tier of the same bundle. */
function samplesOf({ recipe, python, definition }: OpenTier, reports: readonly Report[]) {
  if (Object.keys(definition.env).length > 0) return undefined;
  const report = reports.find(
    (one) => one.recipe === recipe && one.python?.version.startsWith(`${python}.`) === true,
  );
  if (report === undefined) return undefined;
  const { passed, samples } = report.totals;
  return { equal: passed, all: samples };
}
