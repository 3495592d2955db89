import { defined } from '../domain/defined.ts';
import { normalizedName } from './marker.ts';

/** The parts of a wheel's file name (binary distribution format, "File name convention"). */
export interface WheelName {
  /** Normalized. */
  readonly name: string;
  readonly version: string;
  readonly build?: string;
  readonly pythons: readonly string[];
  readonly abis: readonly string[];
  readonly platforms: readonly string[];
}

/** The parts of a wheel's file name; undefined where it is none. */
export function parseWheelName(file: string): WheelName | undefined {
  const parts = file.replace(/\.whl$/, '').split('-');
  if (!file.endsWith('.whl') || (parts.length !== 5 && parts.length !== 6)) return undefined;
  const [name = '', version = ''] = parts;
  const [pythons = '', abis = '', platforms = ''] = parts.slice(-3);
  if (parts.some((part) => part === '')) return undefined;
  return {
    name: normalizedName(name),
    version,
    ...defined({ build: parts.length === 6 ? parts[2] : undefined }),
    pythons: pythons.split('.'),
    abis: abis.split('.'),
    platforms: platforms.split('.'),
  };
}

/** Which wheels an interpreter takes. */
export interface WheelTags {
  /** `3.13`. */
  readonly minor: string;
  /** e.g. `t` of a free-threaded build. */
  readonly abiflags: string;
  /** Platform tags, best first; none: only wheels for any platform. */
  readonly platforms: readonly string[];
}

/**
 * How well a wheel fits an interpreter: the smaller, the better; undefined: not at all. The order is that of pip: a wheel
 * for the platform before one for any, then the newer interface (platform compatibility tags).
 */
export function wheelFit(wheel: WheelName, tags: WheelTags): number | undefined {
  const [major = '3', minor = '0'] = tags.minor.split('.');
  const platform = Math.min(
    ...wheel.platforms.map((one) =>
      one === 'any' ? tags.platforms.length : orInfinite(tags.platforms.indexOf(one)),
    ),
  );
  const interfaces = wheel.pythons.flatMap((python) =>
    wheel.abis.map((abi) =>
      interfaceFit(python, abi, { major, minor: Number(minor), abiflags: tags.abiflags }),
    ),
  );
  const best = Math.min(...interfaces);
  const fit = platform * 1000 + best;
  return Number.isFinite(fit) ? fit : undefined;
}

interface Interpreter {
  readonly major: string;
  readonly minor: number;
  readonly abiflags: string;
}

function interfaceFit(python: string, abi: string, { major, minor, abiflags }: Interpreter): number {
  const own = `cp${major}${minor}`;
  if (python === own && abi === `${own}${abiflags}`) return 0;
  const since = Number(/^cp3(\d+)$/.exec(python)?.[1] ?? Number.NaN);
  // A free-threaded interpreter does not load the stable interface of the others.
  if (abi === 'abi3' && since <= minor && !abiflags.includes('t')) return 1 + minor - since;
  if (abi !== 'none') return Number.POSITIVE_INFINITY;
  if (python === own) return 100;
  const pure = /^py3(\d*)$/.exec(python);
  if (pure === null) return Number.POSITIVE_INFINITY;
  if (pure[1] === '') return 300;
  return Number(pure[1]) <= minor ? 200 + minor - Number(pure[1]) : Number.POSITIVE_INFINITY;
}

function orInfinite(index: number): number {
  return index === -1 ? Number.POSITIVE_INFINITY : index;
}
