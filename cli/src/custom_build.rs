//! `build.command` of the configuration: it runs before the Worker is read.

use selvedge_server::config::{Build, Diagnostic, shown};

use crate::guard::{Guarded, Output};

/// Runs the command, if there is one, and waits for it.
///
/// # Errors
/// When it cannot run, or fails.
pub(crate) fn run(build: &Build, output: Output) -> Result<(), Diagnostic> {
    let Some(command) = &build.command else { return Ok(()) };
    let failed = |what: String| {
        Diagnostic::new(format!("the build command {what}: {command}"))
            .with_hint(format!("it runs in {}", shown(&build.cwd)))
    };
    if !build.cwd.is_dir() {
        return Err(failed("has no folder to run in".into()));
    }
    let status = Guarded::start(command, &build.cwd, output)
        .and_then(Guarded::wait)
        .map_err(|error| failed(format!("cannot run ({error})")))?;
    match status.code() {
        Some(0) => Ok(()),
        Some(code) => Err(failed(format!("failed with exit code {code}"))),
        None => Err(failed("was ended by a signal".into())),
    }
}
