//! What the terminal can do, and errors that come before there is a log.

use std::io::{IsTerminal, Write as _};

use selvedge_server::log::Colors;

/// Which streams may carry colour: terminals, unless `NO_COLOR` is set
/// (<https://no-color.org>).
pub(crate) fn colors() -> Colors {
    #[expect(
        clippy::disallowed_methods,
        reason = "the command line is where the environment is read"
    )]
    let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    Colors {
        stdout: wanted && std::io::stdout().is_terminal(),
        stderr: wanted && std::io::stderr().is_terminal(),
    }
}

/// Says on stderr why the command failed.
pub(crate) fn print_error(text: &str) {
    let label = label("error", "31", colors().stderr);
    // There is nowhere to say that saying it failed.
    let _ = writeln!(std::io::stderr(), "{label}: {text}");
}

/// A word in bold and in a colour of ANSI, where colours are wanted.
pub(crate) fn label(word: &str, color: &str, wanted: bool) -> String {
    if wanted { format!("\x1b[1;{color}m{word}\x1b[0m") } else { word.to_owned() }
}
