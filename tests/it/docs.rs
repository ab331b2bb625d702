//! What the documents say of the tree.

use std::path::Path;

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn read(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn the_paths_that_the_architecture_names_exist() {
    let text = read("ARCHITECTURE.md");
    assert!(text.lines().count() < 200, "it must stay short to stay true");
    let mut seen = 0;
    for quoted in text.split('`').skip(1).step_by(2) {
        let is_path = quoted.contains('/') && !quoted.contains([' ', ':', '{', '*', '<']);
        if is_path {
            assert!(root().join(quoted).exists(), "ARCHITECTURE.md names {quoted}");
            seen += 1;
        }
    }
    assert!(seen > 40, "{seen} paths");
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut names = vec!["README.md".to_owned(), "CONTRIBUTING.md".to_owned()];
    let docs = std::fs::read_dir(root().join("docs")).expect("docs/");
    names.extend(docs.flatten().map(|entry| format!("docs/{}", entry.file_name().display())));
    for name in names.iter().filter(|name| name.ends_with(".md")) {
        let text = read(name);
        let folder = Path::new(name).parent().expect("a folder");
        for link in text.split("](").skip(1) {
            let target = link.split(')').next().expect("it ends");
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            if target.contains("://") || file.is_empty() {
                continue;
            }
            let path = root().join(folder).join(file);
            assert!(path.exists(), "{name} links to {target}");
            if !anchor.is_empty() && file.ends_with(".md") {
                let there = std::fs::read_to_string(&path).expect("it can be read");
                let found = there.lines().filter(|line| line.starts_with('#')).any(|line| {
                    let heading = line.trim_start_matches('#').trim().to_lowercase();
                    let kept =
                        heading.chars().filter(|it| it.is_alphanumeric() || " -_".contains(*it));
                    kept.collect::<String>().replace(' ', "-") == anchor
                });
                assert!(found, "{name} links to {target}: there is no such heading");
            }
        }
    }
}
