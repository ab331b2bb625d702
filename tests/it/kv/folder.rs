//! The data folder: who has it, and what is left in it.

use tempfile::TempDir;

use crate::harness::{Client, Program, eventually};

const WORKER: &str = r#"
export default {
  async fetch(request, { KV }) {
    const n = Number(await KV.get("n")) + 1;
    await KV.put("n", `${n}`);
    return new Response(`${n}`);
  },
};
"#;

fn folder(kv: bool) -> TempDir {
    let folder = TempDir::new().expect("a temporary folder");
    let write = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).expect("it can be written");
    };
    let namespaces = if kv { "[[kv_namespaces]]\nbinding = \"KV\"\nid = \"abc\"\n" } else { "" };
    write("worker.js", if kv { WORKER } else { "export default { fetch: () => new Response() };" });
    write("wrangler.toml", &format!("main = \"worker.js\"\n{namespaces}"));
    folder
}

fn run(folder: &TempDir) -> Program {
    Program::selvedge(folder.path(), &["run", "--port", "0"])
}

#[test]
fn data_outlives_the_process_even_when_it_is_killed() {
    let folder = folder(true);
    for n in 1..=3 {
        let mut program = run(&folder);
        assert_eq!(program.connect().get("/").text(), n.to_string());
        program.signal(libc::SIGKILL);
        assert!(!program.wait().status.success());
    }
    let mut program = run(&folder);
    assert_eq!(program.connect().get("/").text(), "4");
}

#[test]
fn a_second_process_is_told_who_has_the_folder() {
    let folder = folder(true);
    let mut first = run(&folder);
    assert_eq!(first.connect().get("/").text(), "1");
    let second = run(&folder).wait();
    assert!(!second.status.success());
    let said = second.stderr;
    assert!(
        said.contains(&format!("is in use by process {} (`selvedge run`", first.id())),
        "{said}"
    );
    assert!(said.contains("hint: end that process, or choose another folder"), "{said}");
    assert_eq!(first.connect().get("/").text(), "2");
}

#[test]
fn a_worker_without_bindings_shares_the_folder() {
    let folder = folder(false);
    let mut first = run(&folder);
    let mut second = run(&folder);
    assert_eq!(first.connect().get("/").status, 200);
    assert_eq!(second.connect().get("/").status, 200);
    assert!(!folder.path().join(".selvedge/lock").exists());
}

#[test]
fn a_foreign_file_is_named_kept_and_refused() {
    let folder = folder(true);
    let file = folder.path().join(".selvedge/kv/abc.sqlite");
    std::fs::create_dir_all(file.parent().expect("a folder")).expect("it can be made");
    std::fs::write(&file, "not a database, and far from one").expect("it can be written");
    let ended = run(&folder).wait();
    assert!(!ended.status.success());
    assert!(ended.stderr.contains("abc.sqlite"), "{}", ended.stderr);
    let kept = std::fs::read_to_string(&file).expect("it is there");
    assert_eq!(kept, "not a database, and far from one");
}

#[test]
fn dev_keeps_the_data_across_reloads_and_beside_the_configuration() {
    let folder = folder(true);
    let source = |mark: &str| {
        let text = WORKER.replace("`${n}`);\n  }", &format!("`{mark} ${{n}}`);\n  }}"));
        assert!(text.contains(mark), "the Worker shows the mark");
        std::fs::write(folder.path().join("worker.js"), text).expect("it can be written");
    };
    source("one");
    let mut program = Program::selvedge(folder.path(), &["dev", "--port", "0"]);
    assert_eq!(program.connect().get("/").text(), "one 1");
    source("two");
    let address = program.address();
    let text = eventually("the new code answers", || {
        let text = Client::connect(address).get("/").text();
        text.starts_with("two").then_some(text)
    });
    // Polls of the old code counted, too.
    let n: u32 = text["two ".len()..].parse().expect("a number");
    assert!(n >= 2, "{text}");
    assert!(folder.path().join(".selvedge/kv/abc.sqlite").exists());
}
