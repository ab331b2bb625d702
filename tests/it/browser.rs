//! examples/chat in a real browser: two windows in one room.

mod site;

use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{Program, Setup, checkout, eventually};
use crate::inspect::cdp::Debugger;

/// A browser without a window, and the folder that it writes to.
pub(crate) struct Browser {
    debugger: Debugger,
    address: String,
    _program: Program,
    _profile: TempDir,
}

impl Browser {
    #[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
    pub(crate) fn start() -> Option<Self> {
        let Some(chromium) = find() else {
            println!("skipped: there is no chromium at SELVEDGE_CHROMIUM or on the PATH");
            return None;
        };
        let profile = TempDir::new().expect("a temporary folder");
        let mut command = Command::new(chromium);
        command
            .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run"])
            .args(["--disable-dev-shm-usage", "--remote-debugging-port=0"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank");
        let mut program = Program::start(command, profile.path());
        let url = eventually("the browser listens", || {
            let said = program.stderr.text();
            if let Some(status) = program.ended() {
                panic!("the browser ended, {status}: {said}");
            }
            let line = said.lines().find_map(|line| line.strip_prefix("DevTools listening on "))?;
            said.contains("/devtools/browser/").then(|| line.trim().to_owned())
        });
        let address = url.split("/devtools/").next().expect("a part before").to_owned();
        let debugger = Debugger::connect(&url);
        Some(Self { debugger, address, _program: program, _profile: profile })
    }

    /// A new tab with this page.
    pub(crate) fn open(&mut self, url: &str) -> Page {
        let target = self.debugger.call("Target.createTarget", json!({ "url": url }));
        let id = target["targetId"].as_str().expect("an id");
        let debugger = Debugger::connect(&format!("{}/devtools/page/{id}", self.address));
        let mut page = Page { debugger, id: id.to_owned() };
        page.wait("document.readyState === 'complete' && location.protocol === 'http:'");
        page
    }

    /// Closes a tab.
    pub(crate) fn close(&mut self, page: Page) {
        self.debugger.call("Target.closeTarget", json!({ "targetId": page.id }));
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // So that its own processes end with it.
        if !std::thread::panicking() {
            self.debugger.call("Browser.close", json!({}));
        }
    }
}

fn find() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("SELVEDGE_CHROMIUM") {
        return Some(named.into());
    }
    let path = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome"];
    std::env::split_paths(&path)
        .flat_map(|folder| names.map(|name| folder.join(name)))
        .find(|program| program.is_file())
}

pub(crate) struct Page {
    pub(crate) debugger: Debugger,
    id: String,
}

impl Page {
    /// Waits until an expression is true.
    #[track_caller]
    pub(crate) fn wait(&mut self, expression: &str) {
        eventually(expression, || {
            self.debugger.evaluate_if_there(expression).filter(|it| *it == true).map(drop)
        });
    }

    fn enter(&mut self, room: &str, name: &str) {
        let (room, name) = (Value::from(room), Value::from(name));
        self.debugger.evaluate(&format!(
            "{{ const form = document.getElementById('enter'); form.elements.room.value = {room}; \
             form.elements.name.value = {name}; form.requestSubmit(); }}"
        ));
    }

    fn say(&mut self, text: &str) {
        let text = Value::from(text);
        self.debugger.evaluate(&format!(
            "{{ const form = document.getElementById('say'); form.elements.text.value = {text}; \
             form.requestSubmit(); }}"
        ));
    }

    /// Waits until those are in the room, in whatever order.
    #[track_caller]
    fn wait_for_people(&mut self, names: &[&str]) {
        let mut names = names.to_vec();
        names.sort_unstable();
        self.wait(&format!(
            "document.getElementById('people').textContent.replace('here: ', '').split(', ')\
             .sort().join() === {}",
            Value::from(names.join(","))
        ));
    }

    /// Waits until this is all that was said.
    #[track_caller]
    fn wait_for_said(&mut self, lines: &[&str]) {
        self.wait(&format!(
            "JSON.stringify([...document.querySelectorAll('#said li')].map((item) => \
             item.textContent)) === {}",
            Value::from(json!(lines).to_string())
        ));
    }
}

#[test]
fn people_in_two_windows_hear_each_other_and_later_ones_what_was_said() {
    let Some(mut browser) = Browser::start() else { return };
    let example = checkout("examples/chat");
    let server = Setup::path(&example).start();
    let url = format!("http://{}/", server.address);

    let mut ada = browser.open(&url);
    ada.enter("lobby", "ada");
    ada.wait_for_people(&["ada"]);
    let mut grace = browser.open(&url);
    grace.enter("lobby", "grace");
    ada.wait_for_people(&["ada", "grace"]);
    grace.wait_for_people(&["ada", "grace"]);

    ada.say("hello <b>there</b>");
    let first = "ada: hello <b>there</b>";
    ada.wait_for_said(&[first]);
    grace.wait_for_said(&[first]);
    grace.say("hi");
    ada.wait_for_said(&[first, "grace: hi"]);
    grace.wait_for_said(&[first, "grace: hi"]);

    let mut alan = browser.open(&url);
    alan.enter("lobby", "alan");
    alan.wait_for_said(&[first, "grace: hi"]);
    let mut elsewhere = browser.open(&url);
    elsewhere.enter("garden", "mary");
    elsewhere.wait_for_people(&["mary"]);
    elsewhere.wait_for_said(&[]);
    ada.wait_for_people(&["ada", "grace", "alan"]);

    browser.close(grace);
    ada.wait_for_people(&["ada", "alan"]);
}
