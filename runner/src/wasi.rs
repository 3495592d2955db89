//! Process state that WASI preview 1 does not provide.

use std::env;
use std::process;

/// Programs start in `/`; the caller may set another folder in this variable.
const WORKING_FOLDER: &str = "ISOLATE_CWD";

/// Changes to the folder in `ISOLATE_CWD` and removes the variable, so that scripts do not see it. Called before anything
/// else runs.
pub fn enter_working_folder() {
    let Some(folder) = env::var_os(WORKING_FOLDER) else { return };
    // SAFETY: WASI has one thread, and nothing holds a reference into the environment yet.
    unsafe { env::remove_var(WORKING_FOLDER) };
    if let Err(error) = env::set_current_dir(&folder) {
        eprintln!("isolate: cannot enter the working folder {}: {error}", folder.to_string_lossy());
        eprintln!("  fix: make it visible to the program: `--dir {}`.", folder.to_string_lossy());
        process::exit(1);
    }
}
