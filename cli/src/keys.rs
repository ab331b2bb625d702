//! Single keys while `selvedge dev` runs in a terminal.

use std::io::{IsTerminal as _, Read as _, Write as _};
use std::process::{Command, Stdio};
use std::sync::mpsc;

use selvedge_server::dev::Ready;
use tokio::sync::Notify;

/// The keys, for as long as this lives. Dropping it gives the terminal back as
/// it was.
pub(crate) struct Keys {
    stop: std::sync::Arc<Notify>,
    _terminal: Option<Terminal>,
}

impl Keys {
    /// Reads keys, if there is a terminal to read from. `places` tells once where
    /// the Worker is.
    pub(crate) fn listen(places: mpsc::Receiver<Ready>) -> Self {
        let stop = std::sync::Arc::new(Notify::new());
        let terminal = Terminal::take();
        if terminal.is_some() {
            let stop = stop.clone();
            let thread = std::thread::Builder::new().name("keys".into());
            // Without the thread there are no keys, which is no reason to stop.
            let _ = thread.spawn(move || read(&places, &stop));
        }
        Self { stop, _terminal: terminal }
    }

    /// Ready when somebody pressed `x`.
    pub(crate) async fn stop(&self) {
        self.stop.notified().await;
    }
}

fn read(places: &mpsc::Receiver<Ready>, stop: &Notify) {
    let Ok(Ready { urls, debuggers }) = places.recv() else { return };
    let Some(url) = urls.first() else { return };
    say("keys: [b] open a browser  [d] open DevTools  [c] clear  [x] stop");
    let mut key = [0];
    while let Ok(1) = std::io::stdin().read(&mut key) {
        match key[0].to_ascii_lowercase() {
            b'b' => open(url),
            b'd' => match debuggers.first() {
                Some(socket) => open_devtools(socket),
                None => say("DevTools need selvedge dev --inspect"),
            },
            // Clears the screen and what was scrolled away.
            b'c' => say_raw("\x1b[2J\x1b[3J\x1b[H"),
            b'x' | b'q' => stop.notify_one(),
            _ => {}
        }
    }
}

/// Opens a page in the user's browser.
fn open(url: &str) {
    let program = if cfg!(target_os = "macos") {
        "open"
    } else if cfg!(windows) {
        "explorer"
    } else {
        "xdg-open"
    };
    let started = Command::new(program)
        .arg(url)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    match started {
        // Somebody must wait for it, or it stays as a zombie.
        Ok(mut child) => {
            let _ = std::thread::Builder::new().spawn(move || child.wait());
        }
        Err(error) => say(&format!("no browser opened ({program}: {error}): {url}")),
    }
}

/// Programs that show `devtools://` pages. A system's opener does not know them.
const CHROMES: &[&str] = &[
    "google-chrome",
    "google-chrome-stable",
    "chromium",
    "chromium-browser",
    "microsoft-edge",
    "brave-browser",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/// Opens Chrome's DevTools on a debugger's address, or says how to.
fn open_devtools(socket: &str) {
    let address = socket.strip_prefix("ws://").unwrap_or(socket);
    let page = format!(
        "devtools://devtools/bundled/js_app.html?experiments=true&v8only=true&ws={address}"
    );
    let opened = CHROMES.iter().any(|chrome| {
        let started = Command::new(chrome)
            .arg(&page)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        started.is_ok_and(|mut child| {
            let _ = std::thread::Builder::new().spawn(move || child.wait());
            true
        })
    });
    if !opened {
        say(&format!("no Chrome found; open chrome://inspect in one, or {page}"));
    }
}

fn say(text: &str) {
    say_raw(&format!("{text}\n"));
}

fn say_raw(text: &str) {
    let mut out = std::io::stdout();
    // There is nowhere to say that saying it failed.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// A terminal that hands over each key at once and does not echo it. Signals
/// (Ctrl-C) and line ends stay as they are.
struct Terminal {
    #[cfg(unix)]
    before: rustix::termios::Termios,
}

impl Terminal {
    #[cfg(unix)]
    fn take() -> Option<Self> {
        use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

        let stdin = std::io::stdin();
        if !stdin.is_terminal() || !std::io::stdout().is_terminal() {
            return None;
        }
        // A job in the background must not touch the terminal: it would be stopped.
        let own = rustix::process::getpgrp();
        if rustix::termios::tcgetpgrp(&stdin).ok() != Some(own) {
            return None;
        }
        let before = tcgetattr(&stdin).ok()?;
        let mut modes = before.clone();
        modes.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
        tcsetattr(&stdin, OptionalActions::Now, &modes).ok()?;
        Some(Self { before })
    }

    #[cfg(not(unix))]
    fn take() -> Option<Self> {
        None
    }
}

#[cfg(unix)]
impl Drop for Terminal {
    fn drop(&mut self) {
        use rustix::termios::{OptionalActions, tcsetattr};

        let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &self.before);
    }
}
