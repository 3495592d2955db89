import type { Target } from '../domain/target.ts';
import type { Variables } from './rust-flags.ts';

/** Variables of flags of a C compiler, and where they are looked for, first to last (crate `cc`, "Environment variables"). */
const C_FLAGS = ['CFLAGS', 'CXXFLAGS'] as const;

/**
 * Variables of the recipe over those of a build. Lists are joined, so that neither side takes the other's away: folders of
 * `PATH`, and flags of the C compilers for the target.
 */
export function withProjectEnv(own: Variables, project: Variables, target: Target): Variables {
  return { ...own, ...project, ...pathsOf(own, project), ...compilerFlags(own, project, target) };
}

function pathsOf(own: Variables, { PATH }: Variables): Variables {
  return PATH === undefined ? {} : { PATH: `${PATH}:${own.PATH}` };
}

function compilerFlags(own: Variables, project: Variables, { rustTriple }: Target): Variables {
  const suffix = rustTriple.replaceAll('-', '_');
  return Object.fromEntries(
    C_FLAGS.flatMap((kind) => {
      const ours = own[`${kind}_${suffix}`];
      const name = [`${kind}_${rustTriple}`, `${kind}_${suffix}`, `TARGET_${kind}`, kind].find(
        (one) => project[one] !== undefined,
      );
      if (ours === undefined || name === undefined) return [];
      const joined = `${ours} ${project[name]}`;
      const named = name === `${kind}_${rustTriple}` ? [[name, joined]] : [];
      return [[`${kind}_${suffix}`, joined], ...named];
    }),
  );
}
