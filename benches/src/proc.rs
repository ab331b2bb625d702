//! What Linux tells in /proc: CPU times and memory.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// Linux reports CPU times in hundredths of a second on every common platform.
const TICKS_PER_SECOND: f64 = 100.0;

/// CPU seconds used so far.
pub(crate) struct CpuTimes {
    pub(crate) server: f64,
    pub(crate) load: f64,
    /// All processes together, and what the hypervisor gave to other machines.
    all: f64,
}

impl CpuTimes {
    /// The times of the process `server`, of this process, and of the machine.
    pub(crate) fn read(server: u32) -> Result<Self> {
        Ok(Self {
            server: process_seconds(&server.to_string())?,
            load: process_seconds("self")?,
            all: machine_seconds()?,
        })
    }

    pub(crate) fn since(&self, before: &Self) -> Self {
        Self {
            server: self.server - before.server,
            load: self.load - before.load,
            all: self.all - before.all,
        }
    }

    /// What neither server nor load used: the noise.
    pub(crate) fn others(&self) -> f64 {
        (self.all - self.server - self.load).max(0.0)
    }
}

fn process_seconds(pid: &str) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))
        .with_context(|| format!("process {pid} is gone"))?;
    // The name may hold anything, but it ends with the last parenthesis.
    let (_, fields) = stat.rsplit_once(')').context("a malformed stat")?;
    let ticks: f64 = fields
        .split_ascii_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<f64>().ok())
        .sum();
    Ok(ticks / TICKS_PER_SECOND)
}

fn machine_seconds() -> Result<f64> {
    let stat = fs::read_to_string("/proc/stat").context("reading /proc/stat")?;
    let line = stat.lines().next().context("an empty /proc/stat")?;
    // user nice system (idle iowait) irq softirq steal; guest is part of user.
    let ticks: f64 = line
        .split_ascii_whitespace()
        .skip(1)
        .take(8)
        .enumerate()
        .filter(|(index, _)| ![3, 4].contains(index))
        .filter_map(|(_, field)| field.parse::<f64>().ok())
        .sum();
    Ok(ticks / TICKS_PER_SECOND)
}

/// Waits until the machine was idle (under a tenth of one core) for half a second, at
/// most `patience`. False when it never was.
pub(crate) fn wait_until_quiet(patience: Duration) -> Result<bool> {
    const LOOK: Duration = Duration::from_millis(500);
    let deadline = Instant::now() + patience;
    loop {
        let before = machine_seconds()?;
        thread::sleep(LOOK);
        if machine_seconds()? - before < 0.1 * LOOK.as_secs_f64() {
            return Ok(true);
        }
        if Instant::now() > deadline {
            return Ok(false);
        }
        thread::sleep(LOOK);
    }
}

/// Memory in KiB as /proc/PID/smaps_rollup counts it. PSS is what the process costs: its
/// own pages, and its share of the pages that others map too.
#[derive(Clone, Copy)]
pub(crate) struct Memory {
    pub(crate) pss: u64,
    /// The part of PSS that no file backs: heaps and stacks.
    pub(crate) anonymous: u64,
    /// The part of PSS that is the binary and its libraries.
    pub(crate) file: u64,
}

pub(crate) fn memory(pid: u32) -> Result<Memory> {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))
        .with_context(|| format!("reading the memory of process {pid}"))?;
    let field = |name: &str| -> Result<u64> {
        rollup
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
            .and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok())
            .with_context(|| format!("no {name} in smaps_rollup"))
    };
    Ok(Memory { pss: field("Pss")?, anonymous: field("Pss_Anon")?, file: field("Pss_File")? })
}

/// The CPU's name, the number of cores and the kernel, for a table's caption.
pub(crate) fn machine() -> String {
    let model = fs::read_to_string("/proc/cpuinfo")
        .ok()
        .and_then(|info| {
            let line = info.lines().find(|line| line.starts_with("model name"))?;
            Some(line.split_once(": ")?.1.to_owned())
        })
        .unwrap_or_else(|| "unknown CPU".to_owned());
    // All cores, not only those that this process may use.
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cores = info.lines().filter(|line| line.starts_with("processor")).count();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{model}, {cores} cores, Linux {}", kernel.trim())
}

pub(crate) fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// The KiB that programs can still have without swapping.
pub(crate) fn available_memory() -> Option<u64> {
    let info = fs::read_to_string("/proc/meminfo").ok()?;
    let line = info.lines().find(|line| line.starts_with("MemAvailable"))?;
    line.split_ascii_whitespace().nth(1)?.parse().ok()
}
