//! Remote calls: between isolates, with limits, when one side goes away, and with
//! Workers that mean no good. What a Worker sees of calls within its isolate
//! stands in tests/workers/rpc.

mod across;
mod ends;
mod hostile;
mod objects;

use crate::harness::{Program, Response, Setup, TestServer};

/// Serves one Worker with a binding `SELF` to each of its named entrypoints.
fn serve(source: &str) -> TestServer {
    Setup::empty()
        .file("worker.js", source)
        .file(
            "wrangler.toml",
            "name = \"worker\"\nmain = \"worker.js\"\ncompatibility_date = \"2026-11-01\"\n",
        )
        .start()
}

/// The text of a GET that must be answered with 200.
fn text(answer: &Response) -> String {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.text()
}

/// Two Workers of `selvedge dev`, `web` with the binding `OTHER` to `other`.
struct Pair {
    folder: tempfile::TempDir,
    program: Program,
    address: std::net::SocketAddr,
}

impl Pair {
    fn start(web: &str, other: &str, services: &[(&str, Option<&str>)]) -> Self {
        Self::with(web, other, services, &[])
    }

    fn with(
        web: &str,
        other: &str,
        services: &[(&str, Option<&str>)],
        files: &[(&str, &[u8])],
    ) -> Self {
        let folder = tempfile::TempDir::new().expect("a temporary folder");
        let services: Vec<_> = services
            .iter()
            .map(|(binding, entrypoint)| {
                let entrypoint = entrypoint
                    .map_or_else(String::new, |name| format!(", entrypoint = \"{name}\""));
                format!("{{ binding = \"{binding}\", service = \"other\"{entrypoint} }}")
            })
            .collect();
        let head = "main = \"worker.js\"\ncompatibility_date = \"2026-11-01\"\n";
        let limits = "[limits]\ncpu_ms = 300\n";
        let files: Vec<(String, Vec<u8>)> = [
            ("web/worker.js".to_owned(), web.as_bytes().to_vec()),
            ("other/worker.js".to_owned(), other.as_bytes().to_vec()),
            (
                "web/wrangler.toml".to_owned(),
                format!("name = \"web\"\n{head}services = [{}]\n", services.join(", ")).into(),
            ),
            ("other/wrangler.toml".to_owned(), format!("name = \"other\"\n{head}{limits}").into()),
        ]
        .into_iter()
        .chain(files.iter().map(|(name, body)| ((*name).to_owned(), body.to_vec())))
        .collect();
        for (name, body) in &files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("it can be made");
            std::fs::write(path, body).expect("it can be written");
        }
        let args = ["dev", "--port", "0", "-c", "web/wrangler.toml", "-c", "other/wrangler.toml"];
        let mut program = Program::selvedge(folder.path(), &args);
        let address = program.address();
        Self { folder, program, address }
    }

    fn get(&self, path: &str) -> Response {
        crate::harness::Client::connect(self.address).get(path)
    }

    /// Writes the other Worker anew.
    fn rewrite(&self, source: &str) {
        std::fs::write(self.folder.path().join("other/worker.js"), source)
            .expect("it can be written");
    }

    fn log(&self) -> String {
        self.program.stdout.text() + &self.program.stderr.text()
    }
}
