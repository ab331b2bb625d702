//! Running a command of the configuration so that nothing of it outlives us.
//!
//! The command does not run as our child but as the child of a guard: this
//! program once more, which holds the command's process group and reads a pipe
//! from us. When the pipe ends, because we ended, in whatever way, the guard
//! ends the group.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitCode, ExitStatus, Stdio};

/// Ends with the command, or ends the command when it is dropped.
pub(crate) struct Guarded {
    guard: Child,
    /// Its end tells the guard to end.
    _pipe: Option<ChildStdin>,
}

/// Where what a command prints goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Output {
    /// Where our own output goes.
    Ours,
    /// All of it to stderr: stdout is for something else.
    Stderr,
}

impl Guarded {
    /// Starts a line of a shell in a folder.
    ///
    /// # Errors
    /// When the guard cannot be started.
    pub(crate) fn start(line: &str, folder: &Path, output: Output) -> io::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("__guard").arg(line).current_dir(folder).stdin(Stdio::piped());
        if output == Output::Stderr {
            command.stdout(io::stderr());
        }
        // A Ctrl-C of the terminal is for us: the guard must see the pipe end.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut guard = command.spawn()?;
        let pipe = guard.stdin.take();
        Ok(Self { guard, _pipe: pipe })
    }

    /// Waits for the command.
    ///
    /// # Errors
    /// When the system does not tell how it ended.
    pub(crate) fn wait(mut self) -> io::Result<ExitStatus> {
        self.guard.try_wait()?.map_or_else(
            || {
                // `Child::wait` would close the pipe first.
                loop {
                    std::thread::sleep(std::time::Duration::from_millis(2));
                    if let Some(status) = self.guard.try_wait()? {
                        return Ok(status);
                    }
                }
            },
            Ok,
        )
    }
}

/// `selvedge __guard LINE`: what the guard does.
pub(crate) fn guard(line: &OsString) -> ExitCode {
    let mut command = if cfg!(windows) {
        let mut command = Command::new("cmd");
        command.arg("/C").arg(line);
        command
    } else {
        let mut command = Command::new("sh");
        command.arg("-c").arg(line);
        command
    };
    command.stdin(Stdio::null());
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            crate::terminal::print_error(&format!("cannot start a shell: {error}"));
            return ExitCode::from(127);
        }
    };
    #[cfg(unix)]
    watch_pipe(child.id());
    match child.wait() {
        Ok(status) => {
            let code = status.code().and_then(|code| u8::try_from(code).ok());
            ExitCode::from(code.unwrap_or(1))
        }
        Err(_) => ExitCode::FAILURE,
    }
}

/// Ends the group when the pipe on stdin does.
#[cfg(unix)]
fn watch_pipe(group: u32) {
    let Some(group) = i32::try_from(group).ok().and_then(rustix::process::Pid::from_raw) else {
        return;
    };
    let _ = std::thread::Builder::new().name("pipe".into()).spawn(move || {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        // It may have ended by itself.
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::TERM);
        std::thread::sleep(std::time::Duration::from_millis(200));
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    });
}
