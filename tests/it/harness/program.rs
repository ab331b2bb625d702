//! The real command, as a child process.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, OnceLock};

use super::{Client, eventually};

/// Of what a program prints at least the last so many bytes are kept.
const KEPT_BYTES: usize = 256 * 1024;

/// The path of the `selvedge` binary. `SELVEDGE_BIN` names another one.
pub(crate) fn selvedge() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        std::env::var_os("SELVEDGE_BIN").unwrap_or(env!("CARGO_BIN_EXE_selvedge").into()).into()
    })
}

/// A place in the checkout, from its root.
pub(crate) fn checkout(path: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).join(path)
}

/// A process that is ended at the latest when this is dropped.
pub(crate) struct Program {
    child: Child,
    pub(crate) stdout: Output,
    pub(crate) stderr: Output,
}

/// What a process printed.
#[derive(Clone, Default)]
pub(crate) struct Output(Arc<Mutex<String>>);

impl Output {
    pub(crate) fn text(&self) -> String {
        self.0.lock().expect("nobody panics here").clone()
    }

    fn collect(&self, from: impl Read + Send + 'static) -> std::thread::JoinHandle<()> {
        let lines = self.0.clone();
        std::thread::spawn(move || {
            let mut from = BufReader::new(from);
            let mut line = Vec::new();
            while from.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
                let mut lines = lines.lock().expect("nobody panics here");
                lines.push_str(&String::from_utf8_lossy(&line));
                if lines.len() > 2 * KEPT_BYTES {
                    let mut from = lines.len() - KEPT_BYTES;
                    while !lines.is_char_boundary(from) {
                        from += 1;
                    }
                    lines.drain(..from);
                }
                line.clear();
            }
        })
    }
}

/// How a process ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Program {
    /// `selvedge` with these arguments in a folder, without the environment's
    /// say.
    pub(crate) fn selvedge<S: AsRef<OsStr>>(folder: &Path, args: &[S]) -> Self {
        let mut command = Command::new(selvedge());
        command.args(args);
        Self::start(command, folder)
    }

    pub(crate) fn start(command: Command, folder: &Path) -> Self {
        Self::start_from(command, folder, Stdio::null())
    }

    /// A command that reads this.
    pub(crate) fn start_with(command: Command, folder: &Path, input: &[u8]) -> Self {
        let mut program = Self::start_from(command, folder, Stdio::piped());
        let mut stdin = program.child.stdin.take().expect("it is piped");
        // One that ended reads nothing, which its status tells.
        let _ = stdin.write_all(input);
        program
    }

    fn start_from(mut command: Command, folder: &Path, input: Stdio) -> Self {
        for (name, _) in std::env::vars_os() {
            let name_text = name.to_string_lossy();
            if name_text.starts_with("SELVEDGE_") || name_text == "CLOUDFLARE_ENV" {
                command.env_remove(name);
            }
        }
        command.current_dir(folder).stdin(input);
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let (stdout, stderr) = (Output::default(), Output::default());
        stdout.collect(child.stdout.take().expect("it is piped"));
        stderr.collect(child.stderr.take().expect("it is piped"));
        Self { child, stdout, stderr }
    }

    /// How it ended, if it did.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("it can be waited for")
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The address that it says it listens on.
    pub(crate) fn address(&mut self) -> SocketAddr {
        eventually("it listens", || {
            if let Ok(Some(status)) = self.child.try_wait() {
                panic!("it ended, {status}: {}{}", self.stdout.text(), self.stderr.text());
            }
            let said = format!("{}{}", self.stdout.text(), self.stderr.text());
            let at = said.find("//localhost:")? + "//localhost:".len();
            let port: String = said[at..].chars().take_while(char::is_ascii_digit).collect();
            // The rest of the line may still be on its way.
            said[at..].contains('\n').then_some(())?;
            Some(SocketAddr::from(([127, 0, 0, 1], port.parse().ok()?)))
        })
    }

    pub(crate) fn connect(&mut self) -> Client {
        Client::connect(self.address())
    }

    /// Sends a signal.
    #[cfg(unix)]
    pub(crate) fn signal(&self, signal: i32) {
        let pid = i32::try_from(self.child.id()).expect("a process id is small");
        #[expect(unsafe_code, reason = "there is no safe way to send a signal")]
        // SAFETY: it only sends a signal to a child that was not waited for.
        unsafe {
            libc::kill(pid, signal);
        }
    }

    /// Waits for its end.
    pub(crate) fn wait(mut self) -> Ended {
        let status = eventually("it ends", || self.child.try_wait().expect("it can be waited for"));
        // Its output may still be on its way through the pipes.
        let mut before = (String::new(), String::new());
        loop {
            let now = (self.stdout.text(), self.stderr.text());
            let settled =
                Arc::strong_count(&self.stdout.0) == 1 && Arc::strong_count(&self.stderr.0) == 1;
            if settled && now == before {
                return Ended { status, stdout: now.0, stderr: now.1 };
            }
            before = now;
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // What it started goes with it, such as the real program behind a script of npm's.
        #[cfg(unix)]
        if let (Ok(None), Ok(group)) = (self.child.try_wait(), i32::try_from(self.child.id())) {
            #[expect(unsafe_code, reason = "there is no safe way to send a signal")]
            // SAFETY: it only sends a signal to the group of a child that was not waited for.
            unsafe {
                libc::kill(-group, libc::SIGKILL);
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
