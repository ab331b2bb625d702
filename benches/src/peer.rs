//! The runtimes that are compared, and how each is told to serve one Worker.

use std::fs;
use std::io::Read;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::pin::{Core, Pins};
use crate::results::PeerInfo;
use crate::workerd_config;
use crate::workload::{Data, Worker};

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Selvedge,
    Deno,
    Workerd,
    /// `wrangler dev`: workerd with simulators of the data bindings.
    Wrangler,
    /// It serves files only.
    Nginx,
    /// This program itself, answering fixed bytes: how fast the load can be.
    Canned,
}

pub(crate) struct Peer {
    pub(crate) kind: Kind,
    pub(crate) name: &'static str,
    pub(crate) program: PathBuf,
    pub(crate) version: String,
}

/// Where the programs are. A peer that is not found is left out.
#[derive(clap::Args, Clone)]
pub(crate) struct PeerArgs {
    /// Selvedge's binary [default: the one beside this program]
    #[arg(long)]
    selvedge: Option<PathBuf>,
    /// Another Selvedge to compare with, such as the last release
    #[arg(long)]
    baseline: Option<PathBuf>,
    #[arg(long, default_value = "deno")]
    deno: PathBuf,
    #[arg(long, default_value = "workerd")]
    workerd: PathBuf,
    #[arg(long, default_value = "wrangler")]
    wrangler: PathBuf,
    #[arg(long, default_value = "nginx")]
    nginx: PathBuf,
    /// Only these peers, by name: selvedge,baseline,deno,workerd,wrangler,nginx
    #[arg(long, value_delimiter = ',')]
    peers: Vec<String>,
}

impl PeerArgs {
    /// The peers that are there, Selvedge first.
    pub(crate) fn find(&self) -> Result<Vec<Peer>> {
        let beside = std::env::current_exe()?.with_file_name("selvedge");
        let selvedge = self.selvedge.as_ref().unwrap_or(&beside);
        let mut wanted = vec![(Kind::Selvedge, "selvedge", selvedge)];
        if let Some(baseline) = &self.baseline {
            wanted.push((Kind::Selvedge, "baseline", baseline));
        }
        wanted.push((Kind::Deno, "deno", &self.deno));
        wanted.push((Kind::Workerd, "workerd", &self.workerd));
        wanted.push((Kind::Wrangler, "wrangler", &self.wrangler));
        wanted.push((Kind::Nginx, "nginx", &self.nginx));
        wanted.retain(|(_, name, _)| {
            self.peers.is_empty() || self.peers.iter().any(|peer| peer == name)
        });
        let mut peers = Vec::new();
        for (kind, name, program) in wanted {
            match Peer::open(kind, name, program) {
                Ok(peer) => peers.push(peer),
                Err(error) => eprintln!("notice: {name} is left out: {error:#}"),
            }
        }
        anyhow::ensure!(!peers.is_empty(), "no peer was found");
        Ok(peers)
    }
}

impl PeerArgs {
    /// Those of them that can serve this Worker.
    pub(crate) fn find_for(&self, worker: &Worker) -> Result<Vec<Peer>> {
        let mut peers = self.find()?;
        peers.retain(|peer| peer.can_serve(worker));
        Ok(peers)
    }
}

impl Peer {
    fn open(kind: Kind, name: &'static str, program: &Path) -> Result<Self> {
        let version = match kind {
            Kind::Nginx => first_line_of_errors(Command::new(program).arg("-v")),
            _ => first_line(Command::new(program).arg("--version")),
        };
        let version = version.with_context(|| format!("cannot run {}", program.display()))?;
        let program = match kind {
            // A version switch's shell script in the PATH would count as start time.
            Kind::Deno => {
                first_line(Command::new(program).args(["eval", "console.log(Deno.execPath())"]))?
                    .into()
            }
            _ => program.to_owned(),
        };
        let mut magic = [0; 2];
        if let Ok(mut file) = fs::File::open(&program)
            && file.read_exact(&mut magic).is_ok()
            && magic == *b"#!"
            && kind != Kind::Wrangler
        {
            eprintln!(
                "notice: {name} is a script that starts the real program: start time and memory are not its own"
            );
        }
        Ok(Self {
            kind,
            name,
            // The server runs in a folder of its own.
            program: fs::canonicalize(&program).unwrap_or(program),
            version,
        })
    }

    /// This program as its own peer.
    pub(crate) fn canned() -> Result<Self> {
        Ok(Self {
            kind: Kind::Canned,
            name: "canned",
            program: std::env::current_exe()?,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        })
    }

    pub(crate) fn info(&self) -> PeerInfo {
        PeerInfo { name: self.name.to_owned(), version: self.version.clone() }
    }

    /// Whether it can serve this Worker: workerd alone has no KV, Deno no Durable Objects,
    /// and nginx runs no code.
    pub(crate) fn can_serve(&self, worker: &Worker) -> bool {
        match worker.data {
            Data::None => !matches!(self.kind, Kind::Nginx | Kind::Wrangler),
            Data::Assets { .. } => matches!(self.kind, Kind::Selvedge | Kind::Nginx),
            Data::Kv { .. } => matches!(self.kind, Kind::Selvedge | Kind::Deno),
            Data::Cache | Data::Front => self.kind == Kind::Selvedge,
            Data::D1 { .. } | Data::Queue | Data::R2 { .. } => {
                matches!(self.kind, Kind::Selvedge | Kind::Wrangler)
            }
            Data::Objects { .. } | Data::Rewriter => {
                matches!(self.kind, Kind::Selvedge | Kind::Workerd)
            }
        }
    }

    /// Writes what the peer needs for `worker` into `dir`, and gives the command that
    /// serves it on `port`: pinned by `pins`, or as it is with `None`.
    pub(crate) fn command(
        &self,
        worker: &Worker,
        port: u16,
        dir: &Path,
        pins: Option<Pins>,
    ) -> Result<Command> {
        let source = match self.kind {
            Kind::Deno => worker.deno.unwrap_or(worker.source),
            _ => worker.source,
        };
        fs::write(dir.join("worker.js"), source)?;
        remove(&dir.join("wrangler.toml"))?;
        let config = match worker.data {
            Data::None | Data::Rewriter | Data::Cache => None,
            Data::Kv { .. } => Some(KV_CONFIG),
            Data::D1 { .. } => Some(D1_CONFIG),
            Data::Queue => Some(QUEUE_CONFIG),
            Data::R2 { .. } => Some(R2_CONFIG),
            Data::Objects { .. } => Some(OBJECTS_CONFIG),
            Data::Assets { .. } => Some(ASSETS_CONFIG),
            Data::Front => Some(FRONT_CONFIG),
        };
        if let Data::Assets { bytes } = worker.data {
            fs::create_dir_all(dir.join("public"))?;
            fs::write(dir.join("public").join("file.txt"), "x".repeat(bytes))?;
        }
        if let Some(config) = config {
            clear_state(dir)?;
            fs::write(dir.join("wrangler.toml"), config)?;
        }
        let mut command = match pins {
            Some(pins) => pins.command(Core::Server, &self.program),
            None => Command::new(&self.program),
        };
        command.current_dir(dir);
        let port = port.to_string();
        let at = ["--port", &port, "--host", "127.0.0.1"];
        match self.kind {
            Kind::Selvedge => {
                command.args(["run", "worker.js", "--log-level", "warn"]);
                command.args(at);
            }
            Kind::Deno => {
                // No look for a newer Deno while it is being measured. Serving needs no
                // permission beyond the address that it is given.
                command.env("DENO_NO_UPDATE_CHECK", "1");
                command.args(["serve"]).args(at);
                if matches!(worker.data, Data::Kv { .. }) {
                    command.args(["--unstable-kv", "--allow-read", "--allow-write"]);
                }
                command.arg("worker.js");
            }
            Kind::Workerd => {
                let config = match worker.data {
                    Data::Objects { .. } => {
                        fs::create_dir_all(dir.join(workerd_config::OBJECTS_FOLDER))?;
                        workerd_config::with_objects(&port, &self.version)
                    }
                    _ => workerd_config::one_worker(&port, &self.version),
                };
                fs::write(dir.join("config.capnp"), config)?;
                command.args(["serve", "config.capnp"]);
            }
            Kind::Wrangler => {
                // Its workerd and esbuild go with it: `Server` ends all of the group.
                command.process_group(0);
                command.env("WRANGLER_SEND_METRICS", "false").env("CI", "1");
                command.args(["dev", "worker.js", "--port", &port, "--ip", "127.0.0.1"]);
                command.args(["--log-level", "error", "--show-interactive-dev-session=false"]);
            }
            Kind::Nginx => {
                fs::write(dir.join("nginx.conf"), nginx_config(&port))?;
                command.arg("-p").arg(dir).args(["-c", "nginx.conf", "-e", "stderr"]);
            }
            Kind::Canned => {
                command.args(["canned", "--port", &port]);
            }
        }
        Ok(command)
    }
}

/// Selvedge's configuration of a Worker with KV; without it, there is none.
const KV_CONFIG: &str = "main = \"worker.js\"\n[[kv_namespaces]]\nbinding = \"KV\"\n";

/// The same of one with a D1 database.
const D1_CONFIG: &str = "\
name = \"bench\"
main = \"worker.js\"
compatibility_date = \"2026-01-01\"
[[d1_databases]]
binding = \"DB\"
database_name = \"bench\"
database_id = \"bench\"
";

/// The same of one with an R2 bucket.
const R2_CONFIG: &str = "\
name = \"bench\"
main = \"worker.js\"
compatibility_date = \"2026-01-01\"
[[r2_buckets]]
binding = \"FILES\"
bucket_name = \"bench\"
";

/// The same of one that sends to a queue and takes its messages.
const QUEUE_CONFIG: &str = "\
name = \"bench\"
main = \"worker.js\"
compatibility_date = \"2026-01-01\"
[[queues.producers]]
binding = \"Q\"
queue = \"jobs\"
[[queues.consumers]]
queue = \"jobs\"
max_batch_size = 100
max_batch_timeout = 0
";

/// Selvedge's configuration of static files with a Worker behind them.
const ASSETS_CONFIG: &str = "main = \"worker.js\"\n[assets]\ndirectory = \"public\"\n";

/// Selvedge's configuration of a Worker with a cache before it.
const FRONT_CONFIG: &str = "main = \"worker.js\"\n[cache]\nenabled = true\n";

/// One process of nginx that serves `public` as fast as it can: no log, open files kept.
fn nginx_config(port: &str) -> String {
    format!(
        "daemon off;\nmaster_process off;\npid nginx.pid;\nerror_log stderr;\n\
         events {{ worker_connections 4096; }}\n\
         http {{\n  types {{ text/plain txt; }}\n  access_log off;\n  sendfile on;\n  \
         tcp_nopush on;\n  keepalive_requests 1000000000;\n  \
         open_file_cache max=1000 inactive=60s;\n  \
         client_body_temp_path tmp;\n  proxy_temp_path tmp;\n  fastcgi_temp_path tmp;\n  \
         uwsgi_temp_path tmp;\n  scgi_temp_path tmp;\n  \
         server {{ listen 127.0.0.1:{port}; root public; }}\n}}\n"
    )
}

/// Selvedge's configuration of a Worker with Durable Objects.
const OBJECTS_CONFIG: &str = "\
main = \"worker.js\"
[[durable_objects.bindings]]
name = \"OBJECTS\"
class_name = \"Bench\"
[[migrations]]
tag = \"v1\"
new_sqlite_classes = [\"Bench\"]
";

/// Removes what another peer or an earlier run left: each begins empty.
fn clear_state(dir: &Path) -> Result<()> {
    let kv = ["kv.sqlite3", "kv.sqlite3-wal", "kv.sqlite3-shm"];
    for name in [".selvedge", ".wrangler", workerd_config::OBJECTS_FOLDER].into_iter().chain(kv) {
        remove(&dir.join(name))?;
    }
    Ok(())
}

/// Removes a file or folder, if it is there.
fn remove(path: &Path) -> Result<()> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("removing {}", path.display()))
        }
        _ => Ok(()),
    }
}

fn first_line(command: &mut Command) -> Result<String> {
    let output = command.output()?;
    anyhow::ensure!(output.status.success(), "it failed: {}", output.status);
    Ok(line_of(&output.stdout))
}

/// The same where a program tells its version on the other stream.
fn first_line_of_errors(command: &mut Command) -> Result<String> {
    let output = command.output()?;
    anyhow::ensure!(output.status.success(), "it failed: {}", output.status);
    Ok(line_of(&output.stderr))
}

fn line_of(output: &[u8]) -> String {
    String::from_utf8_lossy(output).lines().next().unwrap_or_default().trim().to_owned()
}
