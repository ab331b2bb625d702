//! Running rolldown: with its own threads, and with no way for it to take the
//! process along.

mod finish;
#[cfg(test)]
mod tests;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Once};
use std::thread;
use std::time::Duration;

use rolldown::{BundleOutput, BundlerOptions};
use rolldown_error::BatchedBuildDiagnostic;
use rolldown_plugin::Plugin;
use tokio::runtime::Runtime;

use crate::additional::Additional;
use crate::context::Context;
use crate::define;
use crate::entry::Entry;
use crate::options::{Format, Options};
use crate::output::{Bundle, Failure, Watch};
use crate::plugin::WorkersPlugin;
use crate::problem::Problem;
use crate::rolldown_options;
use crate::tsconfig::Settings;
use finish::finish;

/// Enough for sources nested as deep as [`crate::nesting::MAX_DEPTH`], and for
/// chains of many thousand operators. Untouched pages of a stack cost nothing.
const STACK_BYTES: usize = 256 * 1024 * 1024;
/// Where the system promises no more memory than it has.
const SMALL_STACK_BYTES: usize = 16 * 1024 * 1024;
/// More threads do not help: a Worker has few modules.
const MAX_THREADS: usize = 4;
/// How long a build may wait for tasks that are no longer there before it counts as
/// failed: a task that panics tells nobody.
const STALL: Duration = Duration::from_millis(500);
const STALL_CHECK: Duration = Duration::from_millis(50);

/// Bundles a Worker, again and again. It keeps threads, not what it bundled: each
/// bundle is made of the files as they are.
#[derive(Debug)]
pub struct Bundler {
    options: Options,
    /// Taken only when dropped.
    runtime: Option<Runtime>,
    /// Of the thread that each bundle is made on.
    stack_bytes: usize,
}

/// Bundles a Worker once.
///
/// # Errors
/// When the Worker cannot be bundled. It blocks the thread, and must not run on one
/// that serves others.
pub fn bundle(options: &Options) -> Result<Bundle, Failure> {
    let bundler = Bundler::new(options.clone())
        .map_err(|problem| Failure { problems: vec![problem], ..Failure::default() })?;
    bundler.bundle()
}

impl Bundler {
    /// Starts threads to bundle on.
    ///
    /// # Errors
    /// When the system gives no threads, or the current directory is gone.
    pub fn new(mut options: Options) -> Result<Self, Problem> {
        // rolldown stops the process over a missing current directory.
        let here = std::env::current_dir()
            .map_err(|error| Problem::new(format!("cannot tell the current directory: {error}")))?;
        options.root = canonical(&here.join(&options.root));
        options.entry = canonical_file(&options.root.join(&options.entry));
        options.base_dir = options.base_dir.map(|folder| canonical(&options.root.join(folder)));
        options.ignore =
            options.ignore.iter().map(|path| canonical_file(&options.root.join(path))).collect();
        let with = |bytes| runtime(bytes).map(|runtime| (runtime, bytes));
        let runtime = with(STACK_BYTES).or_else(|_| with(SMALL_STACK_BYTES));
        let (runtime, stack_bytes) = runtime.map_err(|reason| {
            Problem::new(format!("cannot start threads to bundle on: {reason}"))
        })?;
        Ok(Self { options, runtime: Some(runtime), stack_bytes })
    }

    /// Makes the bundle of the files as they are now.
    ///
    /// # Errors
    /// When the Worker cannot be bundled. It blocks the thread, and must not run on
    /// one that serves others.
    pub fn bundle(&self) -> Result<Bundle, Failure> {
        // On a thread of its own: the caller's may belong to another runtime, and may
        // have a small stack.
        let outcome = thread::scope(|scope| {
            let work = || catch_unwind(AssertUnwindSafe(|| self.bundle_here()));
            let thread = thread::Builder::new().stack_size(self.stack_bytes);
            let thread = thread.spawn_scoped(scope, work).map_err(|error| error.to_string())?;
            let outcome = thread.join().and_then(|outcome| outcome);
            outcome.map_err(|panic| panic_message(panic.as_ref()))
        });
        outcome.unwrap_or_else(|reason| {
            Err(Failure { problems: vec![internal(&reason)], ..Failure::default() })
        })
    }

    fn bundle_here(&self) -> Result<Bundle, Failure> {
        let mut watch = Watch::default();
        let (context, settings) = match prepare(&self.options, &mut watch) {
            Ok(prepared) => prepared,
            Err(problem) => {
                return Err(Failure { problems: vec![problem], watch, ..Failure::default() });
            }
        };
        let context = Arc::new(context);
        let options = rolldown_options::of(&context, &settings);
        let plugin = Arc::new(WorkersPlugin(Arc::clone(&context)));
        let built = self.block_on(build(options, plugin));
        finish(&context, built, watch)
    }

    fn block_on(&self, build: impl Future<Output = Built>) -> Built {
        let runtime = self.runtime.as_ref().expect("it is taken only when dropped");
        catch_unwind(AssertUnwindSafe(|| runtime.block_on(build)))
            .unwrap_or_else(|panic| Built::failed(&panic_message(panic.as_ref())))
    }
}

impl Drop for Bundler {
    fn drop(&mut self) {
        // Waiting for the threads is not allowed on those of another runtime.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn runtime(stack_bytes: usize) -> Result<Runtime, String> {
    let threads = thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS);
    // rayon has one pool per process, which rolldown uses. Whoever makes it first
    // decides on its stacks.
    static POOL: Once = Once::new();
    POOL.call_once(|| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).stack_size(stack_bytes);
        let _ = pool.thread_name(|index| format!("bundler-{index}")).build_global();
    });
    // tokio panics when it gets no thread.
    catch_unwind(|| {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_stack_size(stack_bytes)
            .thread_name("bundler")
            .enable_time()
            .build()
    })
    .map_err(|panic| panic_message(panic.as_ref()))?
    .map_err(|error| error.to_string())
}

/// The bundler's own failure, which is none of the user's.
fn internal(reason: &str) -> Problem {
    Problem::new(format!("the bundler failed: {reason}"))
        .with_hint("this is a bug; the project may well be right")
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "it gave no reason".into())
}

/// What came out of rolldown.
struct Built {
    result: Result<BundleOutput, BatchedBuildDiagnostic>,
    watched: Vec<PathBuf>,
    /// Why rolldown itself failed.
    failed: Option<String>,
}

impl Built {
    fn failed(reason: &str) -> Self {
        Self {
            result: Err(BatchedBuildDiagnostic::default()),
            watched: Vec::new(),
            failed: Some(reason.to_owned()),
        }
    }
}

async fn build<P: Plugin>(options: BundlerOptions, plugin: Arc<P>) -> Built {
    let mut bundler = match rolldown::Bundler::with_plugins(options, vec![plugin]) {
        Ok(bundler) => bundler,
        Err(errors) => return Built { result: Err(errors), watched: Vec::new(), failed: None },
    };
    let result = {
        let generate = bundler.generate();
        tokio::pin!(generate);
        tokio::select! {
            result = &mut generate => Some(result),
            () = stalled() => None,
        }
    };
    let watched = bundler.watch_files().iter().map(|file| PathBuf::from(file.as_str())).collect();
    match result {
        Some(result) => Built { result, watched, failed: None },
        None => Built { watched, ..Built::failed("one of its tasks ended early") },
    }
}

/// Ends when the build waits although nothing works on it any more.
async fn stalled() {
    let metrics = tokio::runtime::Handle::current().metrics();
    let mut idle = Duration::ZERO;
    while idle < STALL {
        tokio::time::sleep(STALL_CHECK).await;
        idle = if metrics.num_alive_tasks() == 0 { idle + STALL_CHECK } else { Duration::ZERO };
    }
}

/// Finds out what is needed before rolldown starts.
fn prepare(options: &Options, watch: &mut Watch) -> Result<(Context, Settings), Problem> {
    let above = || options.entry.ancestors().skip(1);
    watch.files.insert(options.entry.clone());
    watch.folders.extend(above().next().map(Path::to_path_buf));
    let manifests = above().map(|folder| folder.join("package.json"));
    watch.files.extend(manifests.filter(|path| path.is_file()));
    watch.files.extend(options.tsconfig.iter().map(|path| options.root.join(path)));
    let mut tsconfigs = above().map(|folder| folder.join("tsconfig.json"));
    watch.files.extend(tsconfigs.find(|path| path.is_file()));

    define::check(options)?;
    let entry = Entry::read(options)?;
    let settings = Settings::read(options, &entry.path)?;
    watch.files.extend(settings.files.iter().cloned());
    let own_folder = above().next().unwrap_or(&options.root);
    let base = options.base_dir.as_deref().unwrap_or(own_folder).to_path_buf();
    let mut additional = Additional::default();
    if options.find_additional_modules {
        if entry.format == Format::ServiceWorker {
            // wrangler's text.
            return Err(Problem::new(
                "`find_additional_modules` can only be used with an ES module entrypoint.\n\
                 Remove `find_additional_modules = true` from your configuration, or migrate to \
                 the ES module Worker format: \
                 https://developers.cloudflare.com/workers/learning/migrate-to-module-workers/",
            ));
        }
        additional = Additional::find(options, &base, &entry.path)?;
        watch.folders.extend(additional.folders.iter().cloned());
    }
    let context = Context::new(options.clone(), entry.format, base, additional);
    context.found().warnings.extend(entry.warning);
    Ok((context, settings))
}

/// A path without links, which is how rolldown names modules; else as it is given.
fn canonical(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_path_buf())
}

/// The same for a file that may be missing in a folder that is there.
fn canonical_file(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| match (path.parent(), path.file_name()) {
        (Some(folder), Some(name)) => canonical(folder).join(name),
        _ => path.to_path_buf(),
    })
}
