import type { Advice, AdvisedCrossover, AdvisedTier } from '../../domain/advice.ts';

type Equal = Extract<AdvisedTier, { state: 'equal' }>;

/** Three lines: which tier, why, and what else. */
export function adviceText(advice: Advice): string {
  return `${[takeLine(advice), whyLine(advice), elseLine(advice)].join('\n')}\n`;
}

function takeLine({ take, tiers, calls, varies }: Advice): string {
  const reference = tiers[0] as Equal;
  if (varies !== undefined)
    return `Take ${take}: the script prints other things each time (${varies}), so no tier can be compared.`;
  const own = tiers.find((tier): tier is Equal => tier.name === take && tier.state === 'equal') ?? reference;
  const times = calls === 1 ? '' : `, ${ms(own.total)} for ${calls} calls`;
  if (own === reference)
    return `Take ${take}: ${ms(own.perCall)} of CPU time a call${times}; no tier is better.`;
  return `Take ${take}: ${ms(own.perCall)} of CPU time a call${times}, ${(own.total / reference.total).toFixed(2)} of ${reference.name}'s ${ms(reference.perCall)}.`;
}

function whyLine({ take, tiers, profile, varies }: Advice): string {
  const reference = tiers[0] as Equal;
  const shares = Object.entries(profile.shares)
    .filter(([, share]) => share >= 0.05)
    .sort(([, one], [, other]) => other - one)
    .map(([name, share]) => `${name} ${Math.round(share * 100)} %`);
  const what = shares.length === 0 ? 'no samples' : `${profile.steps} steps (${shares.join(', ')})`;
  const more = [
    ...(profile.modules === undefined ? [] : [`${profile.modules} modules`]),
    ...(profile.extensions === undefined || profile.extensions.length === 0
      ? []
      : [`${profile.extensions.length} of them shared libraries`]),
    ...(profile.threads === undefined || profile.threads === 0 ? [] : [`${profile.threads} threads`]),
    `${Math.round(profile.memory / 1024)} MB`,
  ].join(', ');
  if (varies !== undefined) return `Why: ${ms(profile.ms)} in ${reference.name}: ${what}; ${more}.`;
  const own = tiers.find((tier): tier is Equal => tier.name === take && tier.state === 'equal') ?? reference;
  const launch = `launch ${ms(own.launch)}${own === reference ? '' : ` against ${ms(reference.launch)}`}`;
  const work = (tier: Equal): string => ms(Math.max(0, tier.perCall - tier.launch));
  const rest = `work ${work(own)}${own === reference ? '' : ` against ${work(reference)}`}`;
  return `Why: the same bytes; ${launch}, ${rest}: ${what}; ${more}.`;
}

function elseLine({ tiers, crossovers, take }: Advice): string {
  const differing = tiers.flatMap((tier) => (tier.state === 'differs' ? [`${tier.name} (${tier.why})`] : []));
  const absent = tiers.flatMap((tier) =>
    tier.state === 'absent' && tier.command !== undefined ? [tier.name] : [],
  );
  const parts = [
    ...crossovers.map(crossoverText),
    ...(differing.length === 0 ? [] : [`not ${differing.join('; not ')}`]),
    ...(absent.length === 0 ? [] : [`not measured before \`provision bench tiers ${absent.join(' ')}\``]),
  ];
  return `Else: ${parts.length === 0 ? `${take} at any length` : parts.join('; ')}.`;
}

function crossoverText({ name, what, from, below }: AdvisedCrossover): string {
  const unit = what === 'calls' ? 'calls' : 'times the work';
  const number = (value: number): string => (value >= 100 ? String(Math.round(value)) : value.toPrecision(2));
  return from !== undefined
    ? `${name} from ${number(from)} ${unit} on`
    : `${name} below ${number(below ?? 0)} ${unit}`;
}

function ms(value: number): string {
  if (value < 100) return `${value.toFixed(1)} ms`;
  return value < 10_000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(1)} s`;
}
