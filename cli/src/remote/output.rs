//! How commands talk: tables, times, questions.

use std::fmt::Write as _;
use std::io::{BufRead as _, IsTerminal as _, Write as _};

use anyhow::{Context as _, bail};
use serde::Serialize;

/// Prints a line on stdout.
pub(crate) fn print(text: impl AsRef<str>) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{}", text.as_ref()).context("cannot print it")
}

/// Prints a value as JSON on stdout.
pub(crate) fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    print(serde_json::to_string_pretty(value)?)
}

/// Says on stderr what is done, or what to mind.
pub(super) fn say(text: &str) {
    crate::kv::say(text);
}

/// A warning on stderr.
pub(super) fn warn(text: &str) {
    let label = crate::terminal::label("warn", "33", crate::terminal::colors().stderr);
    say(&format!("{label}: {text}"));
}

/// Rows in columns, the first one being their titles.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
    };
    let widths: Vec<_> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            // Writing to a string does not fail.
            let _ = write!(line, "{cell:width$}  ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Asks on the terminal whether to go on; where nobody can be asked, `default`
/// holds.
pub(super) fn confirm(question: &str, default: bool) -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Ok(default);
    }
    let choice = if default { "[Y/n]" } else { "[y/N]" };
    let mut stderr = std::io::stderr();
    write!(stderr, "{question} {choice} ")?;
    stderr.flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(match answer.trim().to_ascii_lowercase().as_str() {
        "" => default,
        answer => matches!(answer, "y" | "yes"),
    })
}

/// Asks before what cannot be undone.
///
/// # Errors
/// When the answer is no, or nobody can be asked.
pub(crate) fn must_confirm(question: &str, yes: bool, flag: &str) -> anyhow::Result<()> {
    if yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        bail!("nothing was done: this cannot be undone\nhint: {flag} says that you mean it");
    }
    if confirm(question, false)? {
        return Ok(());
    }
    bail!("nothing was done")
}

/// Reads a secret: from standard input if something is piped into it, else from
/// the terminal without showing it.
pub(crate) fn read_secret(prompt: &str) -> anyhow::Result<String> {
    let stdin = std::io::stdin();
    let mut text = String::new();
    if !stdin.is_terminal() {
        std::io::Read::read_to_string(&mut stdin.lock(), &mut text)
            .context("cannot read standard input")?;
        // One line break is the shell's, not the secret's.
        let text = text
            .strip_suffix('\n')
            .map_or(text.as_str(), |text| text.strip_suffix('\r').unwrap_or(text));
        return Ok(text.to_owned());
    }
    let mut stderr = std::io::stderr();
    write!(stderr, "{prompt}: ")?;
    stderr.flush()?;
    let quiet = Quiet::new();
    let read = stdin.lock().read_line(&mut text);
    drop(quiet);
    writeln!(stderr)?;
    read.context("cannot read the terminal")?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// The terminal shows nothing of what is typed until this is dropped.
#[cfg(unix)]
struct Quiet(Option<rustix::termios::Termios>);

#[cfg(unix)]
impl Quiet {
    fn new() -> Self {
        use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
        let before = tcgetattr(std::io::stdin()).ok();
        if let Some(before) = &before {
            let mut quiet = before.clone();
            quiet.local_modes -= LocalModes::ECHO;
            // A terminal that cannot be quiet shows what is typed.
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Flush, &quiet);
        }
        Self(before)
    }
}

#[cfg(unix)]
impl Drop for Quiet {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            // It worked a moment ago, or nothing was changed.
            let _ = rustix::termios::tcsetattr(
                std::io::stdin(),
                rustix::termios::OptionalActions::Flush,
                before,
            );
        }
    }
}

#[cfg(not(unix))]
struct Quiet;

#[cfg(not(unix))]
impl Quiet {
    fn new() -> Self {
        Self
    }
}

/// Bytes for people, as wrangler writes them.
pub(super) fn size(bytes: u64) -> String {
    match bytes {
        0..1_048_576 => format!("{:.2} KiB", bytes as f64 / 1024.0),
        _ => format!("{:.2} MiB", bytes as f64 / 1_048_576.0),
    }
}

/// A time of the API, cut to seconds.
pub(super) fn time(iso: &str) -> String {
    let (date, clock) = iso.split_once('T').unwrap_or((iso, ""));
    let clock: String = clock.chars().take_while(|c| c.is_ascii_digit() || *c == ':').collect();
    format!("{date} {clock}").trim_end().to_owned()
}

/// A share as people write it: `25%`.
pub(super) fn percent(share: f64) -> String {
    format!("{}%", (share * 100.0).round() / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_lines_have_no_blanks_at_their_end() {
        let rows = [vec!["Name".to_owned(), "Id".to_owned()], vec!["a".to_owned(), String::new()]];
        assert_eq!(table(&rows), "Name  Id\na\n");
    }

    #[test]
    fn times_and_shares_are_short() {
        assert_eq!(time("2026-11-28T23:10:05.123456Z"), "2026-11-28 23:10:05");
        assert_eq!(percent(33.333), "33.33%");
        assert_eq!(percent(100.0), "100%");
        assert_eq!(size(2048), "2.00 KiB");
    }
}
