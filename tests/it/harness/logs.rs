//! What a server said, line by line.

use std::io::Write;
use std::sync::{Arc, Mutex};

use selvedge_server::log::{Colors, Format, Level, Log, LogOptions};
use serde_json::Value;

use super::eventually;

/// The lines of a server's log.
#[derive(Clone, Default)]
pub(crate) struct Logs(Arc<Mutex<Vec<u8>>>);

impl Write for Logs {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("nobody panics here").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Logs {
    /// A log that writes here: JSON, all levels.
    pub(crate) fn log(&self, format: Format) -> Arc<Log> {
        let options = LogOptions { format, level: Level::Debug, colors: Colors::default() };
        Log::with_outputs(options, Box::new(self.clone()), Box::new(self.clone()))
    }

    /// All text so far.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().expect("nobody panics here")).into_owned()
    }

    /// All whole JSON lines so far.
    pub(crate) fn lines(&self) -> Vec<Value> {
        self.text().lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Waits for a line.
    pub(crate) fn wait(&self, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        let found = eventually_or(|| self.lines().into_iter().find(&is));
        found.unwrap_or_else(|| panic!("not in the log: {what}\n{}", self.text()))
    }

    /// Waits for a line of a Worker's console, or about its failure, with this
    /// text in its message.
    pub(crate) fn wait_text(&self, text: &str) -> Value {
        self.wait(text, |line| line["message"].as_str().is_some_and(|it| it.contains(text)))
    }
}

fn eventually_or<T>(mut find: impl FnMut() -> Option<T>) -> Option<T> {
    let end = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while std::time::Instant::now() < end {
        if let Some(found) = find() {
            return Some(found);
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    None
}

/// Waits for a text in the log of anything that collects one.
#[expect(dead_code, reason = "for tests of programs")]
pub(crate) fn wait_for(text: &str, read: impl Fn() -> String) -> String {
    eventually(text, || Some(read()).filter(|log| log.contains(text)))
}
