//! examples/site in a real browser: a picture, its row, its file and its thumbnail.

use std::process::Command;

use tempfile::TempDir;

use super::Browser;
use crate::harness::{Program, checkout, copy_tree, npm_install, selvedge};

/// Draws a picture in the page and adds it by the form.
const ADD: &str = r##"(async () => {
  const canvas = document.createElement("canvas");
  canvas.width = 320;
  canvas.height = 200;
  canvas.getContext("2d").fillRect(0, 0, 100, 100);
  const blob = await new Promise((done) => canvas.toBlob(done, "image/png"));
  const files = new DataTransfer();
  files.items.add(new File([blob], "black.png", { type: "image/png" }));
  const form = document.querySelector("#add");
  form.elements.file.files = files.files;
  form.elements.title.value = "Black <b>box</b>";
  form.requestSubmit();
})()"##;

#[test]
fn a_picture_that_is_added_gets_a_thumbnail_and_can_be_deleted() {
    let Some(mut browser) = Browser::start() else { return };
    let folder = TempDir::new().expect("a temporary folder");
    copy_tree(&checkout("examples/site"), folder.path());
    if !npm_install(folder.path()) {
        println!("skipped: examples/site needs npm and its registry");
        return;
    }
    let made = Command::new(selvedge())
        .args(["d1", "migrations", "apply", "site"])
        .current_dir(folder.path())
        .output()
        .expect("it runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let mut program = Program::selvedge(folder.path(), &["dev", "--port", "0"]);
    let mut page = browser.open(&format!("http://{}/", program.address()));
    page.wait("typeof document.querySelector('#add').onsubmit === 'function'");
    page.debugger.evaluate(ADD);
    page.wait("document.querySelector('#pictures img')?.naturalWidth === 160");
    page.wait(
        "document.querySelector('#pictures span').textContent === 'Black <b>box</b>, 320 \u{d7} 200'",
    );
    page.debugger.evaluate("document.querySelector('#pictures button').click()");
    page.wait("document.querySelectorAll('#pictures li').length === 0");
}
