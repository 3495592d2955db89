import { PATHS } from '../engine/paths.ts';

/** In the folder of the build's own files. */
export const RUSTC_OF_FETCH = 'rustc-of-fetch';

/**
 * What cargo asks in place of the compiler where crates are fetched. A target that a file describes (`forced-target` of a
 * manifest may name one) may have the compiler load a library of the project (`default-codegen-backend`).
 */
export const ASKS_RUSTC = `#!/bin/sh
for argument do
  case $argument in
    *.json)
      echo "error: $argument describes a target; where crates are fetched such a file is not read" >&2
      exit 1
      ;;
  esac
done
exec rustc "$@"
`;

/** No program but the toolchain's own is started where crates are fetched; wrappers are of the machine's environment. */
export const FETCH_PROGRAMS = {
  RUSTC: `${PATHS.env}/${RUSTC_OF_FETCH}`,
  RUSTC_WRAPPER: '',
  RUSTC_WORKSPACE_WRAPPER: '',
} as const;
