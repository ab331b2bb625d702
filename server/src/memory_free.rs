//! How much memory is left, of the machine or of what the process may use of it.

use std::path::Path;

/// Memory that is free, in percent of all. `None` where the system does not tell.
pub(crate) fn percent() -> Option<u64> {
    let machine = std::fs::read_to_string("/proc/meminfo").ok().and_then(|it| of_meminfo(&it));
    let group = of_cgroup(Path::new("/sys/fs/cgroup"));
    match (machine, group) {
        (Some(machine), Some(group)) => Some(machine.min(group)),
        (machine, group) => machine.or(group),
    }
}

fn of_meminfo(text: &str) -> Option<u64> {
    let kilobytes = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    let (all, free) = (kilobytes("MemTotal:")?, kilobytes("MemAvailable:")?);
    (free * 100).checked_div(all)
}

/// Of a container (cgroup v2). What the page cache holds can be had back.
fn of_cgroup(folder: &Path) -> Option<u64> {
    let number = |file: &str| -> Option<u64> {
        std::fs::read_to_string(folder.join(file)).ok()?.trim().parse().ok()
    };
    let (most, used) = (number("memory.max")?, number("memory.current")?);
    let stat = std::fs::read_to_string(folder.join("memory.stat")).unwrap_or_default();
    let cached = stat.lines().find_map(|line| line.strip_prefix("inactive_file "));
    let cached: u64 = cached.and_then(|it| it.parse().ok()).unwrap_or(0);
    let free = most.saturating_sub(used.saturating_sub(cached));
    (free * 100).checked_div(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_tells_in_kilobytes() {
        let text = "MemTotal:       1000 kB\nMemFree: 10 kB\nMemAvailable:    250 kB\n";
        assert_eq!(of_meminfo(text), Some(25));
        assert_eq!(of_meminfo("nonsense"), None);
    }

    #[test]
    fn a_container_has_what_its_cache_can_give_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), text).expect("written");
        };
        write("memory.max", "max\n");
        write("memory.current", "800\n");
        assert_eq!(of_cgroup(folder.path()), None, "no bound");
        write("memory.max", "1000\n");
        assert_eq!(of_cgroup(folder.path()), Some(20));
        write("memory.stat", "anon 1\ninactive_file 300\n");
        assert_eq!(of_cgroup(folder.path()), Some(50));
    }
}
