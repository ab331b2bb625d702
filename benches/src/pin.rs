//! One core for the server, another for the load: `taskset` of util-linux does it, and
//! without it (or with one core) nothing is pinned and the tables say so.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

#[derive(Clone, Copy)]
pub(crate) enum Core {
    Server,
    Load,
}

impl Core {
    fn list(self) -> &'static str {
        match self {
            Self::Server => "0",
            Self::Load => "1",
        }
    }
}

#[derive(Clone, Copy)]
pub(crate) struct Pins {
    taskset: bool,
    /// `setpriv` lets the kernel kill a server when the bench dies in any way.
    setpriv: bool,
}

impl Pins {
    /// Looks for the tools and puts this process on the load's core.
    pub(crate) fn set_up(wanted: bool) -> Self {
        let pins = Self {
            taskset: wanted && crate::proc::cores() > 1 && has("taskset"),
            setpriv: has("setpriv"),
        };
        if wanted && !pins.taskset {
            eprintln!("notice: no taskset or a single core: nothing is pinned");
        }
        if pins.taskset && pins.pin("-apc", Core::Load, std::process::id()).is_err() {
            eprintln!("notice: taskset cannot pin the bench itself");
        }
        pins
    }

    pub(crate) fn are_set(self) -> bool {
        self.taskset
    }

    /// A command that runs `program` on `core` and does not outlive the bench. The tools
    /// replace themselves by the program, so that the child's id is the program's.
    pub(crate) fn command(self, core: Core, program: &Path) -> Command {
        let mut words: Vec<&str> = Vec::new();
        if self.setpriv {
            words.extend(["setpriv", "--pdeathsig", "KILL"]);
        }
        if self.taskset {
            words.extend(["taskset", "-c", core.list()]);
        }
        let Some((first, rest)) = words.split_first() else {
            return Command::new(program);
        };
        let mut command = Command::new(first);
        command.args(rest).arg(program);
        command
    }

    /// Puts the calling thread, and what it will spawn, on `core`.
    pub(crate) fn pin_thread(self, core: Core) -> Result<()> {
        if !self.taskset {
            return Ok(());
        }
        let link = fs::read_link("/proc/thread-self").context("no /proc/thread-self")?;
        let id = link.file_name().and_then(|name| name.to_str());
        let id = id.context("no thread id")?.parse()?;
        self.pin("-pc", core, id)
    }

    fn pin(self, flags: &str, core: Core, id: u32) -> Result<()> {
        let status = Command::new("taskset")
            .args([flags, core.list(), &id.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()?;
        ensure!(status.success(), "taskset failed");
        Ok(())
    }
}

fn has(tool: &str) -> bool {
    Command::new(tool)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
