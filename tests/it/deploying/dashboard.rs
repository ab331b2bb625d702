//! The dashboard in a real browser.

use serde_json::Value;

use super::{Served, borrowed, hello};
use crate::browser::{Browser, Page};
use crate::harness::Client;

/// Presses a key where the focus is.
fn press(page: &mut Page, key: &str, code: u32) {
    for kind in ["keyDown", "keyUp"] {
        let mut event = serde_json::json!({
            "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code,
        });
        // What submits a form is the character.
        if key == "Enter" && kind == "keyDown" {
            event["text"] = "\r".into();
        }
        page.debugger.call("Input.dispatchKeyEvent", event);
    }
}

fn type_text(page: &mut Page, text: &str) {
    page.debugger.call("Input.insertText", serde_json::json!({ "text": text }));
}

/// Signs in with the keyboard alone.
pub(super) fn sign_in(page: &mut Page, token: &str) {
    page.wait("document.activeElement?.name === 'token'");
    type_text(page, token);
    press(page, "Enter", 13);
}

fn go(page: &mut Page, to: &str) {
    page.debugger.evaluate(&format!("location.hash = {}", Value::from(to)));
}

fn click(page: &mut Page, selector: &str, text: &str) {
    let (selector, text) = (Value::from(selector), Value::from(text));
    let found = format!(
        "[...document.querySelectorAll({selector})].find((it) => it.textContent.trim().startsWith({text}))"
    );
    page.wait(&format!("{found} !== undefined"));
    page.debugger.evaluate(&format!("{found}.click()"));
}

fn sees(page: &mut Page, text: &str) {
    page.wait(&format!(
        "document.querySelector('main')?.innerText.includes({})",
        Value::from(text)
    ));
}

#[test]
fn the_dashboard_shows_and_changes_what_is_deployed() {
    let Some(mut browser) = Browser::start() else { return };
    let served = Served::start();
    let mut files = hello("shown", "first");
    let (folder, first) = served.deploy(&borrowed(&files));
    files = hello("shown", "second");
    std::fs::write(folder.path().join("worker.js"), &files[0].1).expect("it can be written");
    served.selvedge(folder.path(), &["deploy", "--message", "the second one"]).text();
    let host = served.host("shown");
    assert_eq!(served.get(&host, "/").text(), "second");

    let mut page = browser.open(&format!("{}/", served.admin));
    sign_in(&mut page, "slv_wrong");
    page.wait("document.querySelector('[role=alert]')?.innerText.includes('not valid')");
    page.debugger.evaluate("document.querySelector('input[name=token]').value = ''");
    sign_in(&mut page, &served.token);
    sees(&mut page, "Ada Ltd");
    sees(&mut page, "shown");
    // Figures come by themselves.
    for _ in 0..5 {
        served.get(&host, "/");
    }
    page.wait(
        "[...document.querySelectorAll('.figure dd')].some((it) => /[1-9]/.test(it.textContent))",
    );

    // Back to the first version.
    go(&mut page, "#/workers/shown/versions");
    sees(&mut page, "the second one");
    let id = first["version_id"].as_str().expect("an id");
    let button = format!("[aria-label='Deploy version {}']", &id[..8]);
    page.wait(&format!("document.querySelector({}) !== null", Value::from(button.as_str())));
    page.debugger.evaluate(&format!("document.querySelector({}).click()", Value::from(button)));
    page.wait("document.querySelector('dialog[open]') !== null");
    press(&mut page, "Enter", 13);
    crate::harness::eventually("the first version answers", || {
        (served.get(&host, "/").text() == "first").then_some(())
    });

    // Events as they happen.
    go(&mut page, "#/workers/shown/live");
    sees(&mut page, "connected");
    served.get(&host, "/live-one");
    sees(&mut page, "/live-one");

    // Kept ones.
    go(&mut page, "#/workers/shown/logs");
    crate::harness::eventually("the event is found", || {
        page.debugger.evaluate("document.querySelector('main form button')?.click()");
        std::thread::sleep(std::time::Duration::from_millis(100));
        let seen = page
            .debugger
            .evaluate("document.querySelector('main').innerText.includes('/live-one')");
        (seen == true).then_some(())
    });

    // A namespace, a key, and its value through the API.
    go(&mut page, "#/kv");
    click(&mut page, "main button", "Create");
    page.wait("document.activeElement?.name === 'title'");
    type_text(&mut page, "made here");
    press(&mut page, "Enter", 13);
    click(&mut page, "main tbody a", "made here");
    click(&mut page, "main button", "Add a key");
    page.wait("document.activeElement?.name === 'key'");
    type_text(&mut page, "greeting");
    page.debugger.evaluate("document.querySelector('textarea').focus()");
    type_text(&mut page, "hello \u{e4}");
    click(&mut page, "main button", "Save");
    sees(&mut page, "greeting");
    let hash = page.debugger.evaluate("location.hash.split('/').at(-1)");
    let namespace = hash.as_str().expect("an id");
    let path = format!(
        "/client/v4/accounts/{}/storage/kv/namespaces/{namespace}/values/greeting",
        served.account
    );
    assert_eq!(served.api(&path).text(), "hello \u{e4}");

    press(&mut page, "Tab", 9);
    page.wait("document.activeElement !== document.body && document.activeElement.matches(':focus-visible')");
    browser.close(page);
}

#[test]
fn the_page_may_load_nothing_from_elsewhere() {
    let served = Served::start();
    let address = served.admin.trim_start_matches("http://").to_owned();
    let get = |path: &str| {
        Client::connect(address.parse().expect("an address")).request(
            "GET",
            path,
            &[("host", &address)],
            b"",
        )
    };
    for path in ["/", "/dashboard/main.js", "/dashboard/style.css"] {
        let response = get(path);
        assert_eq!(response.status, 200, "{path}");
        let policy = response.header("content-security-policy").expect("a policy");
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(response.header("x-content-type-options"), Some("nosniff"));
    }
    assert_eq!(get("/dashboard/nothing.js").status, 404);
}

/// What has the focus is called: its label, or its text.
const FOCUSED: &str = "(document.activeElement.getAttribute('aria-label') \
    ?? document.activeElement.textContent).trim()";

/// Presses Tab until what has the focus begins with this, as who sees no mouse does.
#[track_caller]
fn tab_to(page: &mut Page, name: &str) {
    let is_there = format!("{FOCUSED}.startsWith({})", Value::from(name));
    crate::harness::eventually(&format!("Tab leads to {name}"), || {
        // The view may be made again meanwhile.
        press(page, "Tab", 9);
        (page.debugger.evaluate(&is_there) == true).then_some(())
    });
    let is_seen = "(() => { const it = document.activeElement, style = getComputedStyle(it); \
        return it.matches(':focus-visible') && (style.outlineStyle !== 'none' \
        || style.boxShadow !== 'none'); })()";
    assert_eq!(page.debugger.evaluate(is_seen), true, "the focus on {name} can be seen");
}

#[test]
fn all_is_reached_by_keyboard_and_follows_light_and_dark() {
    let Some(mut browser) = Browser::start() else { return };
    let served = Served::start();
    let mut files = hello("keyed", "first");
    let (folder, first) = served.deploy(&borrowed(&files));
    files = hello("keyed", "second");
    std::fs::write(folder.path().join("worker.js"), &files[0].1).expect("it can be written");
    served.selvedge(folder.path(), &["deploy"]).text();
    let mut page = browser.open(&format!("{}/", served.admin));
    let prefers = |page: &mut Page, scheme: &str| {
        let features = serde_json::json!({ "features": [
            { "name": "prefers-color-scheme", "value": scheme } ] });
        page.debugger.call("Emulation.setEmulatedMedia", features);
        page.wait(&format!("document.documentElement.dataset.theme === {}", Value::from(scheme)));
        page.debugger.evaluate("getComputedStyle(document.body).color")
    };
    let (dark, light) = (prefers(&mut page, "dark"), prefers(&mut page, "light"));
    assert_ne!(dark, light, "the page looks different");

    sign_in(&mut page, &served.token);
    sees(&mut page, "keyed");
    tab_to(&mut page, "keyed");
    press(&mut page, "Enter", 13);
    page.wait("location.hash === '#/workers/keyed'");
    tab_to(&mut page, "Versions");
    press(&mut page, "Enter", 13);
    page.wait("location.hash === '#/workers/keyed/versions'");
    let id = first["version_id"].as_str().expect("an id");
    tab_to(&mut page, &format!("Deploy version {}", &id[..8]));
    press(&mut page, "Enter", 13);
    page.wait("document.querySelector('dialog[open]') !== null");
    let host = served.host("keyed");
    press(&mut page, "Escape", 27);
    page.wait("document.querySelector('dialog[open]') === null");
    assert_eq!(served.get(&host, "/").text(), "second", "Escape changes nothing");
    tab_to(&mut page, &format!("Deploy version {}", &id[..8]));
    press(&mut page, "Enter", 13);
    page.wait("document.querySelector('dialog[open]')?.contains(document.activeElement)");
    press(&mut page, "Enter", 13);
    crate::harness::eventually("the first version answers", || {
        (served.get(&host, "/").text() == "first").then_some(())
    });
    // The navigation, and the choice against the system's.
    for (name, hash) in [("Logs", "#/logs"), ("KV", "#/kv"), ("Durable Objects", "#/objects")] {
        tab_to(&mut page, name);
        press(&mut page, "Enter", 13);
        page.wait(&format!("location.hash === {}", Value::from(hash)));
    }
    tab_to(&mut page, "Switch between light and dark");
    press(&mut page, "Enter", 13);
    page.wait("document.documentElement.dataset.theme === 'dark'");
    tab_to(&mut page, "Sign out");
    press(&mut page, "Enter", 13);
    page.wait("document.activeElement?.name === 'token'");
    browser.close(page);
}
