//! A Worker from inline sources or a folder, served by a server of its own.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use selvedge_runtime::{InspectorStart, Limits, Mode, Worker};
use selvedge_server::config::{Config, FILE_NAMES, Selection};
use selvedge_server::inspector::InspectOptions;
use selvedge_server::log::Format;
use selvedge_server::project::Project;
use selvedge_server::run::Server;
use selvedge_server::run_options::{RunOptions, Scaling, TlsFiles};
use tempfile::TempDir;

use super::{Certificate, Client, Logs, Response, turn};

type Edit = Box<dyn FnOnce(&mut Worker)>;

/// What to serve, and how.
pub(crate) struct Setup {
    files: Vec<(String, Vec<u8>)>,
    main: Option<PathBuf>,
    edits: Vec<Edit>,
    production: bool,
    isolates: usize,
    rest: Duration,
    server_timing: bool,
    tls: Option<TlsFiles>,
    format: Format,
    inspect: Option<InspectOptions>,
    object_idle: Duration,
}

impl Setup {
    /// One module, `worker.js`.
    pub(crate) fn new(source: &str) -> Self {
        Self::empty().file("worker.js", source)
    }

    /// No file yet. The first one is the main module, unless there is a
    /// configuration.
    pub(crate) fn empty() -> Self {
        Self {
            files: Vec::new(),
            main: None,
            edits: Vec::new(),
            production: false,
            isolates: 1,
            rest: Duration::from_secs(1),
            server_timing: false,
            tls: None,
            format: Format::Json,
            inspect: None,
            object_idle: Duration::from_secs(10),
        }
    }

    /// A Worker's main module, folder or configuration on disk.
    pub(crate) fn path(path: &Path) -> Self {
        Self { main: Some(path.to_path_buf()), ..Self::empty() }
    }

    /// One file more.
    pub(crate) fn file(mut self, name: &str, body: impl AsRef<[u8]>) -> Self {
        self.files.push((name.into(), body.as_ref().to_vec()));
        self
    }

    /// Changes the Worker after its files were read.
    pub(crate) fn edit(mut self, edit: impl FnOnce(&mut Worker) + 'static) -> Self {
        self.edits.push(Box::new(edit));
        self
    }

    /// Changes the Worker's limits.
    pub(crate) fn limits(self, edit: impl FnOnce(&mut Limits) + 'static) -> Self {
        self.edit(|worker| edit(&mut worker.limits))
    }

    /// Sets a compatibility flag.
    pub(crate) fn flag(self, flag: &'static str) -> Self {
        self.edit(move |worker| worker.compatibility.flags.push(flag.into()))
    }

    /// Serves strangers.
    pub(crate) fn production(self) -> Self {
        Self { production: true, ..self }
    }

    /// Says the CPU time in each response.
    pub(crate) fn server_timing(self) -> Self {
        Self { server_timing: true, ..self }
    }

    /// An isolate that rested for so long ends.
    pub(crate) fn rest(self, rest: Duration) -> Self {
        Self { rest, ..self }
    }

    /// As many isolates at most.
    pub(crate) fn isolates(self, isolates: usize) -> Self {
        Self { isolates, ..self }
    }

    /// Serves HTTPS.
    pub(crate) fn tls(self, certificate: &Certificate) -> Self {
        Self { tls: Some(certificate.files()), ..self }
    }

    /// Logs for people.
    pub(crate) fn pretty(self) -> Self {
        Self { format: Format::Pretty, ..self }
    }

    /// How long Durable Objects stay in memory without events.
    pub(crate) fn object_idle(self, object_idle: Duration) -> Self {
        Self { object_idle, ..self }
    }

    /// Lets debuggers in on a free port.
    pub(crate) fn inspect(self, start: InspectorStart) -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        Self { inspect: Some(InspectOptions { address, start }), ..self }
    }

    /// Starts it; it must start.
    pub(crate) fn start(self) -> TestServer {
        self.try_start().unwrap_or_else(|error| panic!("the server did not start: {error}"))
    }

    /// Why it does not start.
    pub(crate) fn fails(self) -> String {
        match self.try_start() {
            Ok(_) => panic!("the server started"),
            Err(error) => error,
        }
    }

    /// Starts it, or says why not.
    pub(crate) fn try_start(mut self) -> Result<TestServer, String> {
        let turn = turn::shared();
        let folder = TempDir::new().expect("a temporary folder");
        for (name, body) in &self.files {
            let path = folder.path().join("worker").join(name);
            std::fs::create_dir_all(path.parent().expect("a file has a folder"))
                .expect("it can be made");
            std::fs::write(path, body).expect("it can be written");
        }
        let mut project = self.project(folder.path())?;
        for edit in self.edits.drain(..) {
            edit(&mut project.worker);
        }
        let logs = Logs::default();
        let options = RunOptions {
            project,
            listen: vec![SocketAddr::from(([127, 0, 0, 1], 0))],
            isolates: NonZeroUsize::new(self.isolates).expect("at least one isolate"),
            // A machine under load gives no thread 0.8 of a core.
            scaling: Scaling { busy: Duration::from_millis(300), rest: self.rest },
            log: logs.log(self.format),
            tls: self.tls.clone(),
            production: self.production,
            server_timing: self.server_timing,
            object_idle: self.object_idle,
            data_dir: folder.path().join("data"),
            smtp: None,
            inspect: self.inspect,
        };
        let (started, start) = mpsc::channel();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let thread = std::thread::Builder::new()
            .name("server".into())
            .spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .expect("an event loop can be made");
                runtime.block_on(async {
                    match Server::start(options).await {
                        Ok(server) => {
                            let _ = started.send(Ok(server.addresses[0]));
                            server.serve(async { drop(stopped.await) }).await;
                        }
                        Err(error) => drop(started.send(Err(error.to_string()))),
                    }
                });
            })
            .expect("a thread can be started");
        let address = start.recv().expect("it starts or says why not")?;
        Ok(TestServer {
            address,
            logs,
            stop: Some(stop),
            thread: Some(thread),
            folder,
            _turn: turn,
        })
    }

    fn project(&self, folder: &Path) -> Result<Project, String> {
        let folder = folder.join("worker");
        let mode = if self.production { Mode::Production } else { Mode::Local };
        let main = match (&self.main, self.files.first()) {
            (Some(main), _) => main.clone(),
            (None, Some(_)) if self.files.iter().any(|(name, _)| is_config(name)) => folder,
            (None, Some((name, _))) => folder.join(name),
            (None, None) => panic!("there is nothing to serve"),
        };
        let selection = Selection { file: Some(&main), ..Selection::default() };
        let config = Config::load(selection).map_err(|error| error.text())?;
        Project::load(config, mode).map_err(|error| error.text())
    }
}

fn is_config(name: &str) -> bool {
    FILE_NAMES.contains(&name)
}

/// A server that runs until it is dropped.
pub(crate) struct TestServer {
    pub(crate) address: SocketAddr,
    pub(crate) logs: Logs,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    folder: TempDir,
    _turn: Rc<turn::Turn>,
}

impl TestServer {
    /// The URL of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Where its data is.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A connection.
    pub(crate) fn connect(&self) -> Client {
        Client::connect(self.address)
    }

    /// GET on a connection of its own.
    pub(crate) fn get(&self, path: &str) -> Response {
        self.connect().get(path)
    }

    /// The body of a 200 answer to GET.
    pub(crate) fn text(&self, path: &str) -> String {
        let response = self.get(path);
        assert_eq!(response.status, 200, "{path}: {}", response.text());
        response.text()
    }

    /// Tells the server to stop; returns while it does.
    pub(crate) fn stop(&mut self) {
        drop(self.stop.take());
    }

    /// Waits until the server has stopped.
    pub(crate) fn join(mut self) {
        self.stop();
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the server does not panic");
        }
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.stop();
        if let Some(thread) = self.thread.take()
            && !std::thread::panicking()
        {
            let _ = thread.join();
        }
    }
}
