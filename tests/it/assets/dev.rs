//! `selvedge dev` and `selvedge run` with folders.

use tempfile::TempDir;

use crate::dev::Dev;
use crate::harness::{Client, Program, eventually};

const WORKER: &str = "let count = 0;
export default { fetch: () => new Response(`asked ${++count} times`) };";
const CONFIG: &str = "main = \"worker.js\"\n[assets]\ndirectory = \"public\"\n";

#[test]
fn changed_assets_are_served_without_a_new_worker() {
    let files = [
        ("wrangler.toml", CONFIG),
        ("worker.js", WORKER),
        ("public/a.txt", "one"),
        ("public/dist/b.unknown", "b"),
    ];
    let dev = Dev::start(&files, &[]);
    let get = |path: &str| Client::connect(dev.address).get(path);
    assert_eq!(get("/api").text(), "asked 1 times");
    let before = get("/a.txt");
    assert_eq!(before.text(), "one");
    dev.write("public/a.txt", "two, which is longer");
    let after = eventually("the change is served", || {
        Some(get("/a.txt")).filter(|response| response.text() == "two, which is longer")
    });
    assert_ne!(after.header("etag"), before.header("etag"));
    dev.write("public/new.bin", "new");
    eventually("a new file is served", || (get("/new.bin").text() == "new").then_some(()));
    dev.write("public/dist/b.unknown", "other");
    eventually("any file counts", || (get("/dist/b.unknown").text() == "other").then_some(()));
    dev.write("public/_headers", "/*\n  x-rule: 1\n");
    eventually("rules are followed", || get("/a.txt").header("x-rule").map(drop));
    // The Worker is still the same one: it was asked for what was not there yet, too.
    let asked = get("/api").text();
    let times: u32 = asked.split(' ').nth(1).and_then(|it| it.parse().ok()).expect("a number");
    assert!(times >= 2, "{asked}");
}

#[test]
fn a_folder_is_served_as_it_is() {
    for command in ["dev", "run"] {
        let folder = TempDir::new().expect("a temporary folder");
        let public = folder.path().join("public");
        std::fs::create_dir_all(public.join("sub")).expect("it can be made");
        std::fs::write(public.join("index.html"), "home").expect("it can be written");
        // A script of the page, not a Worker.
        std::fs::write(public.join("index.js"), "script").expect("it can be written");
        std::fs::write(public.join("sub/a.txt"), "a").expect("it can be written");
        let args = [command, "public/", "--port", "0"];
        let mut program = Program::selvedge(folder.path(), &args);
        let mut client = program.connect();
        assert_eq!(client.get("/").text(), "home", "{command}");
        assert_eq!(client.get("/index.js").text(), "script", "{command}");
        assert_eq!(client.get("/sub/a.txt").text(), "a", "{command}");
        assert_eq!(client.get("/nothing").status, 404, "{command}");
    }
}
