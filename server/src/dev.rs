//! `selvedge dev`: Workers that follow their files.
//!
//! Each Worker has a *build*, which reads and bundles its files, and at most one
//! *generation* that serves. A change builds anew; when the new generation has
//! started, the old one stops to accept and the new one begins, on the same
//! sockets: no connection is refused in between, and requests in flight finish
//! on the old one. While a build fails, requests are answered with what is wrong.

mod failing;
mod generation;
mod options;
mod triggers;
mod watch;
mod worker;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use selvedge_assets::Cache;
use selvedge_runtime::{Failure, Outcome, Platform, Services, Worker};

use crate::alarms::Alarms;
use crate::backends::{BackendError, Backends};
use crate::bindings;
use crate::config::{Diagnostic, EnvLine};
use crate::control::{Control, socket};
use crate::inspector::InspectorServer;
use crate::listener::Addresses;
use crate::loaded::Guests;
use crate::local_traces::LocalTraces;
use crate::log::{Field, Level, Log};
use crate::outbound::Policy;
use crate::project::Project;
use crate::queues::Consumers;
use crate::run::{RunError, guests, urls, way_out};
use crate::serve::Shared;
use crate::site::Before;
use crate::switchboard::Switchboard;
use crate::tcp::LocalListeners;
use crate::tls;
use failing::Failing;
use generation::{Generation, Retired};
pub use options::{Build, Built, CronMode, DevError, DevOptions, OnReady, Ready};
use triggers::Triggers;
use watch::Watch;
use worker::{DevWorker, Serving};

/// Serves until `shutdown` is ready and what is in flight is done.
///
/// # Errors
/// When an address is taken, a certificate is unusable, or two Workers have the
/// same name. A Worker that cannot be built or started is no error: it may be
/// repaired.
pub async fn dev(options: DevOptions, shutdown: impl Future<Output = ()>) -> Result<(), DevError> {
    let tls = options.tls.as_ref().map(tls::acceptor).transpose()?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let addresses = Addresses::bind(&options.listen)?;
    let urls = urls(scheme, &addresses.all());
    let backends = Backends::new(&options.data_dir, "selvedge dev", options.object_idle);
    backends.reach(Policy::new(selvedge_runtime::Mode::Local));
    backends.send_locally(options.smtp.as_deref()).map_err(RunError::from)?;
    let backends = Arc::new(backends);
    let switchboard = Switchboard::new(backends.placement());
    let alarms = Alarms::new(switchboard.clone());
    let consumers = Consumers::new(switchboard.clone(), options.log.clone());
    let traces = LocalTraces::new(switchboard.clone(), options.log.clone());
    let control = Arc::new(Control::new(backends.clone(), switchboard.clone()));
    let services = Services {
        platform: Platform::new(selvedge_snapshot::platform_parts(None)),
        log: options.log.clone(),
        outbound: way_out(
            Policy::new(selvedge_runtime::Mode::Local),
            switchboard.clone(),
            Some(backends.cache().clone()),
        ),
        inspector: None,
    };
    let guests = guests(&services, &switchboard, &backends, &options.log);
    let inspector = options
        .inspect
        .map(|asked| InspectorServer::start(asked, options.log.clone()))
        .transpose()
        .map_err(RunError::from)?;
    let shared = Arc::new(Shared {
        log: options.log.clone(),
        tls,
        server_timing: options.server_timing,
        threads: Mutex::default(),
        switchboard: switchboard.clone(),
        traces: Some(traces.clone()),
    });
    let tcp = LocalListeners::new(switchboard.clone(), options.log.clone());
    let workers = options.workers.into_iter().map(DevWorker::new).collect();
    let mut dev = Dev {
        host: Host {
            shared,
            services,
            switchboard,
            addresses,
            log: options.log,
            inspector,
            backends,
            guests,
            alarms: alarms.clone(),
            consumers: consumers.clone(),
            traces,
            tcp,
            asset_cache: Arc::default(),
        },
        workers,
        watch: Watch::start()?,
        triggers: Triggers::new(options.cron),
        retired: Vec::new(),
    };
    let mut shutdown = std::pin::pin!(shutdown);
    let ready = async {
        dev.start().await?;
        let debuggers = dev.host.inspector.as_ref().map_or_else(Vec::new, InspectorServer::urls);
        (options.on_ready)(Ready { urls: urls.clone(), debuggers });
        let name = dev.workers.first().map_or("", |worker| worker.name.as_str()).to_owned();
        for url in &urls {
            dev.host.log.listening(&name, url);
        }
        dev.follow().await
    };
    tokio::select! {
        () = &mut shutdown => {}
        () = alarms.run() => {}
        () = consumers.run() => {}
        () = socket::serve(control) => {}
        result = ready => result?,
    }
    dev.finish().await;
    Ok(())
}

/// What all generations are made with.
struct Host {
    shared: Arc<Shared>,
    services: Services,
    switchboard: Arc<Switchboard>,
    addresses: Addresses,
    log: Arc<Log>,
    inspector: Option<InspectorServer>,
    /// The bindings' data, of all Workers and generations.
    backends: Arc<Backends>,
    /// What they loaded at run time.
    guests: Arc<Guests>,
    alarms: Arc<Alarms>,
    consumers: Arc<Consumers>,
    /// What their tail Workers get.
    traces: Arc<LocalTraces>,
    /// Where TCP connections come in.
    tcp: LocalListeners,
    /// Contents of static assets.
    asset_cache: Arc<Cache>,
}

struct Dev {
    host: Host,
    workers: Vec<DevWorker>,
    watch: Watch,
    triggers: Triggers,
    /// Generations that still finish their requests.
    retired: Vec<Retired>,
}

impl Dev {
    /// Builds and starts all Workers; the one that takes requests comes last,
    /// so that its service bindings lead somewhere.
    async fn start(&mut self) -> Result<(), DevError> {
        for index in (0..self.workers.len()).rev() {
            let begin = Instant::now();
            self.rebuild(index, begin).await;
            let name = self.workers[index].name.clone();
            if !name.is_empty() && self.workers[index + 1..].iter().any(|other| other.name == name)
            {
                return Err(DevError::SameName(name));
            }
        }
        Ok(())
    }

    /// Goes on for ever: builds what changed, fires cron triggers.
    async fn follow(&mut self) -> Result<(), DevError> {
        loop {
            tokio::select! {
                changed = self.watch.changed() => {
                    let begin = Instant::now();
                    for index in (0..self.workers.len()).rev() {
                        if self.workers[index].is_affected(&changed) {
                            self.rebuild(index, begin).await;
                        }
                    }
                }
                fired = self.triggers.next() => self.host.fire(&fired),
            }
        }
    }

    /// Builds a Worker and puts the result in the place of what serves.
    async fn rebuild(&mut self, index: usize, begin: Instant) {
        let built = run_build(self.workers[index].build.clone()).await;
        self.retired.retain(|retired| !retired.is_done());
        let worker = &mut self.workers[index];
        worker.root = built.root;
        // A build that failed knows only a part of its files.
        if built.result.is_ok() {
            worker.files.clear();
        }
        worker.files.extend(built.files);
        worker.folders = built.folders.into_iter().collect();
        worker.trees = built.trees.into_iter().collect();
        worker.asset_folders = built.assets;
        worker.broken = built.result.is_err();
        let folders = self.workers.iter().flat_map(|worker| {
            let root = worker.broken.then_some(worker.root.as_path());
            let of_files = worker.files.iter().filter_map(|file| file.parent());
            of_files.chain(worker.folders.iter().map(PathBuf::as_path)).chain(root)
        });
        let trees =
            self.workers.iter().flat_map(|worker| worker.trees.iter().chain(&worker.asset_folders));
        self.watch.follow(folders, trees.map(PathBuf::as_path));
        match built.result {
            Ok(project) => self.swap(index, project, begin).await,
            Err(error) => {
                self.fail(index, failure_of(&error), &error.text()).await;
            }
        }
    }

    /// Starts a generation of the Worker and lets it take over.
    async fn swap(&mut self, index: usize, project: Project, begin: Instant) {
        let Project {
            mut worker,
            bindings,
            objects,
            consumers,
            tails,
            connect,
            assets,
            front,
            warnings,
            crons,
            env,
            ..
        } = project;
        let log = self.host.log.clone();
        let entry = &mut self.workers[index];
        // What was said already is not repeated with each change.
        for warning in warnings.iter().filter(|warning| !entry.warnings.contains(warning)) {
            log.warn(warning);
        }
        entry.warnings = warnings;
        let is_first = !std::mem::replace(&mut entry.was_built, true);
        if is_first && !env.is_empty() {
            log.event(Level::Info, &env_table(&worker.name, &env), Vec::new());
        }
        if entry.name != worker.name && !entry.name.is_empty() {
            self.host.switchboard.set(&entry.name, Vec::new());
            self.host.traces.set(&entry.name, &[]);
            self.host.tcp.set(&entry.name, &[]);
        }
        entry.name.clone_from(&worker.name);
        let scheduled = bindings::workflows::schedules(&bindings, &worker.name);
        self.triggers.set(index, &worker.name, &crons, scheduled);
        self.host.traces.set(&worker.name, tails.consumers());
        self.host.tcp.set(&worker.name, connect.addresses());
        let opened = bindings::open(
            &bindings,
            &objects,
            &self.host.backends,
            &self.host.guests,
            &self.host.alarms,
            &mut worker,
        );
        let (backends, running) = (&self.host.backends, &self.host.consumers);
        match opened
            .and_then(|notes| consumers.start(&worker.name, backends, running).map(|()| notes))
        {
            Ok(notes) => notes.iter().for_each(|note| log.warn(note)),
            Err(error) => {
                entry.broken = true;
                let text = error.to_string();
                let failure = match &error {
                    BackendError::Refused(error) => failure_of(error),
                    _ => Failure::new(Outcome::InternalError, text.clone()),
                };
                self.fail(index, failure, &text).await;
                return;
            }
        }
        let had_assets = entry.assets.is_some();
        entry.take_assets(assets, &self.host.asset_cache, &mut worker);
        let is_same = had_assets == entry.assets.is_some()
            && std::mem::replace(&mut entry.front, front.clone()) == front
            && entry.worker.as_ref().is_some_and(|before| same(before, &worker));
        if is_same && matches!(entry.serving, Serving::Generation(_)) {
            // Its assets may have.
            log.event(Level::Debug, "the Worker did not change", Vec::new());
            return;
        }
        let worker = Arc::new(worker);
        let built = begin.elapsed();
        let front = front.open(self.host.backends.cache(), &worker.name);
        let before = Before { assets: entry.assets.clone(), front };
        let listeners = self.host.listeners(index);
        match Generation::start(&self.host, worker.clone(), before, listeners).await {
            Ok(generation) => {
                let started = begin.elapsed().saturating_sub(built);
                let before = std::mem::replace(&mut self.workers[index].serving, Serving::Nobody);
                // Objects end before they begin in the new one, which those who
                // call them reach from here on.
                self.host.switchboard.set(&worker.name, vec![generation.events()]);
                self.retire(before).await;
                // What the former code loaded is its own.
                let scope = format!("{}\0", worker.name);
                self.host.guests.forget(|of| of.starts_with(&scope));
                generation.open();
                let entry = &mut self.workers[index];
                entry.serving = Serving::Generation(generation);
                entry.worker = Some(worker);
                entry.said = None;
                if !is_first {
                    let millis = |time: Duration| (time.as_secs_f64() * 10_000.0).round() / 10.0;
                    log.event(
                        Level::Info,
                        &format!("{} reloaded", entry.name),
                        vec![
                            Field::new("build_ms", millis(built)),
                            Field::new("start_ms", millis(started)),
                        ],
                    );
                }
            }
            Err(failure) => {
                self.workers[index].broken = true;
                let text = failure.to_string();
                self.fail(index, failure, &text).await;
            }
        }
    }

    /// Says what is wrong, in the terminal and to who asks.
    async fn fail(&mut self, index: usize, failure: Failure, text: &str) {
        // What is still wrong was said already.
        if self.workers[index].said.as_deref() != Some(text) {
            self.host.log.event(Level::Error, text, Vec::new());
            self.workers[index].said = Some(text.to_owned());
        }
        let failing = match self.host.listeners(index) {
            listeners if listeners.is_empty() => Serving::Nobody,
            listeners => Serving::Failing {
                _page: Failing::start(listeners, self.host.shared.tls.clone(), failure),
            },
        };
        let entry = &mut self.workers[index];
        entry.worker = None;
        let before = std::mem::replace(&mut entry.serving, failing);
        self.host.switchboard.set(&entry.name, Vec::new());
        self.retire(before).await;
    }

    async fn retire(&mut self, before: Serving) {
        if let Serving::Generation(generation) = before {
            generation.end_objects().await;
            self.retired.push(generation.retire().await);
        }
    }

    /// Ends what serves, and waits for requests in flight.
    async fn finish(mut self) {
        self.host.tcp.close();
        // A thread that stands at a breakpoint would not hear that it shall stop.
        drop(self.host.inspector.take());
        for index in 0..self.workers.len() {
            let before = std::mem::replace(&mut self.workers[index].serving, Serving::Nobody);
            self.retire(before).await;
        }
        for retired in self.retired {
            retired.done().await;
        }
    }
}

impl Host {
    /// Sockets for a generation of this Worker; only the first has any.
    fn listeners(&self, index: usize) -> Vec<std::net::TcpListener> {
        if index > 0 {
            return Vec::new();
        }
        self.addresses.shared().unwrap_or_else(|error| {
            self.log.event(Level::Error, &error.to_string(), Vec::new());
            Vec::new()
        })
    }

    /// Calls the `scheduled` handlers of triggers that are due, and begins instances of
    /// Workflows.
    fn fire(&self, fired: &[triggers::Due]) {
        for due in fired {
            let Some(name) = &due.workflow else {
                triggers::call(due, &self.switchboard, self.log.clone());
                continue;
            };
            let (switchboard, log) = (self.switchboard.clone(), self.log.clone());
            let workflow = bindings::workflows::own(&self.backends, name);
            let (name, cron) = (name.clone(), due.cron().to_owned());
            tokio::spawn(async move {
                let begun = match workflow {
                    Ok(workflow) => crate::workflows::begin(&switchboard, &workflow, None).await,
                    Err(error) => Err(error.to_string()),
                };
                crate::workflows::log_begun(&log, &name, &cron, &begun);
            });
        }
    }
}

/// What `env` holds, in columns.
fn env_table(worker: &str, lines: &[EnvLine]) -> String {
    let width = |of: fn(&EnvLine) -> &str| {
        lines.iter().map(|line| of(line).chars().count()).max().unwrap_or(0)
    };
    let (names, kinds) = (width(|line| &line.name), width(|line| line.kind));
    let mut table = format!("{worker} has in env:");
    for line in lines {
        let row = format!("\n  {:names$}  {:kinds$}  {}", line.name, line.kind, line.value);
        table.push_str(row.trim_end());
    }
    table
}

/// An error about the user's files, as those see it who ask meanwhile.
fn failure_of(error: &Diagnostic) -> Failure {
    let mut failure = Failure::new(Outcome::Exception, error.message.clone());
    failure.position = error.position.zip(error.file.clone()).map(|((line, column), module)| {
        selvedge_runtime::failure::Position { module, line, column }
    });
    failure.code_frame.clone_from(&error.code_frame);
    failure.hint.clone_from(&error.hint);
    failure
}

/// Whether two versions of a Worker do the same.
fn same(one: &Worker, other: &Worker) -> bool {
    let modules = |worker: &Worker| {
        let mut modules: Vec<_> = worker
            .modules
            .iter()
            .map(|module| (module.name.clone(), module.kind as u8, module.body.clone()))
            .collect();
        modules.sort();
        modules
    };
    one.main == other.main
        && format!("{:?}", (&one.env, &one.compatibility, &one.limits, &one.entrypoint))
            == format!("{:?}", (&other.env, &other.compatibility, &other.limits, &other.entrypoint))
        && modules(one) == modules(other)
}

/// Runs a build beside the event loop. A panic in it is an error of the build.
async fn run_build(build: Build) -> Built {
    let (sender, built) = tokio::sync::oneshot::channel();
    let spawned = std::thread::Builder::new().name("build".into()).spawn(move || {
        let _ = sender.send(build());
    });
    let failed = |message: String| Built {
        result: Err(Diagnostic::new(message)),
        files: Vec::new(),
        folders: Vec::new(),
        trees: Vec::new(),
        assets: Vec::new(),
        root: PathBuf::new(),
    };
    match spawned {
        Ok(_) => built
            .await
            .unwrap_or_else(|_| failed("the build failed on this Worker: this is a bug".into())),
        Err(error) => failed(format!("cannot start a thread to build on: {error}")),
    }
}
