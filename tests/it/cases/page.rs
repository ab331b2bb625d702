//! docs/compatibility.md: the rows of `tests/workers/rows.txt`, with what shows each,
//! and the differences from workerd. The page is what this makes.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::{files, read};
use crate::harness::checkout;
use crate::misuse::{Differences, differences};

struct Row {
    capability: String,
    state: String,
    evidence: Vec<String>,
    note: String,
}

/// The sections with their rows.
fn rows() -> Vec<(String, Vec<Row>)> {
    let text = String::from_utf8(read("rows.txt")).expect("text");
    let mut sections: Vec<(String, Vec<Row>)> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(title) = line.strip_prefix("= ") {
            sections.push((title.to_owned(), Vec::new()));
            continue;
        }
        let parts: Vec<_> = line.split(" |").map(str::trim).collect();
        let [capability, state, evidence, note] = parts[..] else {
            panic!("a row has four parts: {line}");
        };
        assert!(["yes", "partly", "no"].contains(&state), "{line}");
        assert!(state != "partly" || !note.is_empty(), "what is missing? {line}");
        let evidence: Vec<_> =
            evidence.split(", ").filter(|part| !part.is_empty()).map(str::to_owned).collect();
        assert!(state == "no" || !evidence.is_empty(), "nothing shows it: {line}");
        let row = Row {
            capability: capability.to_owned(),
            state: state.to_owned(),
            evidence,
            note: note.to_owned(),
        };
        sections.last_mut().expect("a section comes first").1.push(row);
    }
    sections
}

/// Files of cases that a piece of evidence stands for.
fn covered(evidence: &str) -> Vec<String> {
    let folder = format!("{evidence}/");
    let all = files().into_iter();
    all.filter(|file| file == evidence || file.starts_with(&folder)).collect()
}

/// How many cases a file has.
fn cases(file: &str) -> usize {
    let text = String::from_utf8(read(file)).expect("text");
    text.lines()
        .filter(|line| line.starts_with("export const ") && line.trim_end().ends_with("= {"))
        .count()
}

/// What shows a row, as the page has it.
fn shown(evidence: &str) -> String {
    if evidence.starts_with("tests/it/") {
        let file = checkout(&format!("{evidence}.rs"));
        assert!(file.is_file(), "{evidence}.rs is not there");
        return format!("`{evidence}.rs`");
    }
    let files = covered(evidence);
    let count: usize = files.iter().map(|file| cases(file)).sum();
    assert!(count > 0, "{evidence} has no case");
    format!("{count} cases in `{evidence}`")
}

fn page() -> String {
    let mut page = String::from(
        "# Compatibility\n\n\
         What Cloudflare's runtime offers, row by row, and what of it is here. A case is a \
         function in `tests/workers/` that Selvedge and workerd (or miniflare) both run in the \
         tests; other rows name the integration tests that show them. This page is made from \
         `tests/workers/rows.txt`, and a test compares the two.\n",
    );
    for (title, rows) in rows() {
        let _ = write!(page, "\n## {title}\n| | here | shown by | but |\n|---|---|---|---|\n");
        for row in rows {
            let evidence: Vec<_> = row.evidence.iter().map(|part| shown(part)).collect();
            let _ = writeln!(
                page,
                "| {} | {} | {} | {} |",
                row.capability,
                row.state,
                evidence.join("; "),
                row.note
            );
        }
    }
    page.push_str(&misuse());
    page.push_str(
        "\n## Where workerd differs\nCases that workerd or miniflare does not pass, and why \
         Selvedge does what it does.\n\n| case | why |\n|---|---|\n",
    );
    let differences = String::from_utf8(read("differences.txt")).expect("text");
    for line in differences.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (case, reason) = line.split_once(": ").expect("a case and a reason");
        let _ = writeln!(page, "| `{case}` | {} |", reason.replace('|', "\\|"));
    }
    page
}

/// How far what is said of wrong use is that of workerd.
fn misuse() -> String {
    let Differences { compared, different, calls, different_calls, rules } = differences();
    let mut section = format!(
        "\n## Wrong use\nEach class and function of the global scope is used wrongly on Selvedge and on workerd: \
         called without `new`, made of and called with nothing, `null`, a number, a symbol and an object that throws, \
         its members called on something else. Of {calls} calls, {different_calls} end differently: another class or \
         text of the exception, another time, or none. Of {} answers about what classes look like (names, lengths, \
         flags of properties, what extends what), {} differ. `tests/surface/misuse.js` asks.\n\n\
         | asked | why the answers differ |\n|---|---|\n",
        compared - calls,
        different - different_calls
    );
    for (pattern, reason) in rules {
        let _ = writeln!(section, "| `{pattern}` | {} |", reason.replace('|', "\\|"));
    }
    section
}

#[test]
fn the_page_is_made_of_the_rows_and_the_cases() {
    let made = page();
    let path = checkout("docs/compatibility.md");
    if std::env::var_os("SELVEDGE_WRITE_PAGES").is_some() {
        std::fs::write(&path, &made).expect("it can be written");
    }
    let page = std::fs::read_to_string(path).unwrap_or_default();
    assert!(page == made, "run this test with SELVEDGE_WRITE_PAGES=1; the page should be:\n{made}");
}

#[test]
fn each_file_of_cases_stands_in_a_row() {
    let sections = rows();
    let evidence = sections.iter().flat_map(|(_, rows)| rows).flat_map(|row| &row.evidence);
    let covered: BTreeSet<_> = evidence.flat_map(|part| covered(part)).collect();
    let missing: Vec<_> = files().into_iter().filter(|file| !covered.contains(file)).collect();
    assert!(missing.is_empty(), "no row names {missing:?}");
}
