//! What WASI preview 1 does not tell a program.

use std::env;
use std::process;

/// Every program starts in `/`; whoever starts this one may name another folder.
const WORKING_FOLDER: &str = "ISOLATE_CWD";

/// Goes to the folder that `ISOLATE_CWD` names and takes the variable away, so that scripts see the environment meant for
/// them. Called before anything else runs.
pub fn enter_working_folder() {
    let Some(folder) = env::var_os(WORKING_FOLDER) else { return };
    // SAFETY: WASI has one thread, and nothing holds a reference into the environment yet.
    unsafe { env::remove_var(WORKING_FOLDER) };
    if let Err(error) = env::set_current_dir(&folder) {
        eprintln!("isolate: cannot enter the working folder {}: {error}", folder.to_string_lossy());
        eprintln!("  fix: let the program see it: `--dir {}`.", folder.to_string_lossy());
        process::exit(1);
    }
}
