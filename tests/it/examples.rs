//! Every folder of examples/ starts, and the commands in its README give what
//! the README says.

use std::path::{Path, PathBuf};

use crate::harness::{
    Client, Program, Response, Setup, checkout, copy_tree, npm_install, selvedge,
};

/// A curl command of a README and what it prints.
struct Shown {
    command: String,
    output: String,
}

#[test]
fn every_example_answers_as_its_readme_says() {
    for folder in folders() {
        let name = folder.display();
        let readme = std::fs::read_to_string(folder.join("README.md"))
            .unwrap_or_else(|error| panic!("{name}: README.md: {error}"));
        let commands = commands(&readme);
        assert!(!commands.is_empty(), "{name}: the README shows no `$ curl ..` with its output");
        if let Some(arguments) = dev_command(&readme) {
            develops_as_its_readme_says(&folder, &readme, &arguments, &commands);
            continue;
        }
        let server = Setup::path(&folder)
            .try_start()
            .unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        for shown in commands {
            shown.is_true_of(&name.to_string(), || server.connect());
        }
        let expected = folder.join("expected.txt");
        if let Ok(expected) = std::fs::read_to_string(expected) {
            assert_eq!(server.text("/").trim_end(), expected.trim_end(), "{name}: expected.txt");
        }
    }
}

/// The arguments of the `selvedge dev` that a README tells to run.
fn dev_command(readme: &str) -> Option<Vec<String>> {
    let line =
        readme.lines().find(|line| *line == "selvedge dev" || line.starts_with("selvedge dev "))?;
    Some(line.split_whitespace().skip(1).map(str::to_owned).collect())
}

/// Runs a copy of the example: its packages have to be installed there.
#[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
fn develops_as_its_readme_says(
    folder: &Path,
    readme: &str,
    arguments: &[String],
    commands: &[Shown],
) {
    let name = folder.display().to_string();
    let copy = tempfile::TempDir::new().expect("a temporary folder");
    copy_tree(folder, copy.path());
    if copy.path().join("package.json").exists() && !npm_install(copy.path()) {
        println!("skipped: {name} needs npm and its registry");
        return;
    }
    for line in readme.lines().filter(|line| line.starts_with("selvedge d1 ")) {
        let done = std::process::Command::new(selvedge())
            .args(line.split_whitespace().skip(1))
            .current_dir(copy.path())
            .output()
            .expect("it runs");
        assert!(done.status.success(), "{name}: {line}: {}", String::from_utf8_lossy(&done.stderr));
    }
    let port = ["--port".to_owned(), "0".to_owned()];
    let arguments: Vec<_> = arguments.iter().chain(&port).collect();
    let mut program = Program::selvedge(copy.path(), &arguments);
    let address = program.address();
    for shown in commands {
        shown.is_true_of(&name, || Client::connect(address));
    }
}

#[test]
fn no_example_leaves_anything_behind() {
    for folder in folders() {
        let state = folder.join(".selvedge");
        assert!(!state.exists() || is_ignored(), "{} is in the way", state.display());
    }
}

fn is_ignored() -> bool {
    let root = checkout(".gitignore");
    std::fs::read_to_string(root).is_ok_and(|text| text.contains(".selvedge"))
}

fn folders() -> Vec<PathBuf> {
    let examples = checkout("examples");
    let entries = std::fs::read_dir(examples).expect("there are examples");
    let mut folders: Vec<_> =
        entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    assert!(!folders.is_empty());
    folders
}

/// What stands after `$ curl` in a README, with the lines up to the next one.
fn commands(readme: &str) -> Vec<Shown> {
    let mut commands: Vec<Shown> = Vec::new();
    let mut open = false;
    for line in readme.lines() {
        if let Some(command) = line.strip_prefix("$ curl ") {
            commands.push(Shown { command: command.into(), output: String::new() });
            open = true;
        } else if line.starts_with("```") || line.starts_with("$ ") {
            open = false;
        } else if open && let Some(last) = commands.last_mut() {
            last.output.push_str(line);
            last.output.push('\n');
        }
    }
    commands
}

impl Shown {
    fn is_true_of(&self, name: &str, connect: impl FnOnce() -> Client) {
        let output = curl(connect(), &self.command).text();
        assert_eq!(output.trim_end(), self.output.trim_end(), "{name}: {}", self.command);
    }
}

/// Does what curl would do with these arguments.
fn curl(mut client: Client, command: &str) -> Response {
    let mut method = None;
    let mut headers = Vec::new();
    let mut body = String::new();
    let mut path = None;
    let mut words = words(command).into_iter();
    while let Some(word) = words.next() {
        let mut value = || words.next().expect("a flag has its value");
        match word.as_str() {
            "-s" | "-S" | "-sS" | "-N" => {}
            "-X" => method = Some(value()),
            "-H" => {
                let header = value();
                let (name, value) = header.split_once(':').expect("a header has a colon");
                headers.push((name.to_owned(), value.trim().to_owned()));
            }
            "-d" | "--data" => body = value(),
            flag if flag.starts_with('-') => panic!("teach the test about curl {flag}"),
            url => {
                let rest = url.split_once("localhost:8787").expect("a URL of this server").1;
                path = Some(if rest.is_empty() { "/".to_owned() } else { rest.to_owned() });
            }
        }
    }
    let method = method.unwrap_or_else(|| if body.is_empty() { "GET" } else { "POST" }.to_owned());
    let headers: Vec<_> =
        headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let path = path.expect("curl has a URL");
    client.request(&method, &path, &headers, body.as_bytes())
}

/// The words of a command; single and double quotes hold spaces.
fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = None::<String>;
    let mut quote = None;
    for letter in command.chars() {
        match quote {
            Some(open) if letter == open => quote = None,
            Some(_) => word.get_or_insert_default().push(letter),
            None if letter == '\'' || letter == '"' => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            None if letter.is_whitespace() => words.extend(word.take()),
            None => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words
}
