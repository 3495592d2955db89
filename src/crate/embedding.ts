import type { Crate } from '../domain/crate.ts';
import { readRust } from './rust-sources.ts';

/** PyO3's ways to start Python with its defaults. */
const STARTS = /\bPython::initialize\b|\bprepare_freethreaded_python\b|\bPy_Initialize(?:Ex)?\b/;
/** What ends an interpreter, or starts one that ends itself. */
const ENDS =
  /\bPy_Finalize(?:Ex)?\b|\bPy_RunMain\b|\bPy_(?:Bytes)?Main\b|\bwith_embedded_python_interpreter\b/;

/**
 * Whether a program starts Python through PyO3 and never ends it: then nothing writes what is still in the buffer of
 * `sys.stdout` (Python's C API, `Py_FinalizeEx`). As far as its own sources say.
 */
export async function leavesPythonOpen({ folder, bin, pyo3 }: Crate): Promise<boolean> {
  if (pyo3 === undefined) return false;
  const text = await readRust(folder, bin);
  return (pyo3.autoInitialize || STARTS.test(text)) && !ENDS.test(text);
}
