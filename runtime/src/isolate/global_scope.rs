//! The Worker's global scope: linking and running its main module, or running it as
//! a classic script.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use deno_core::error::CoreError;
use deno_core::{PollEventLoopOptions, v8};

use super::Isolate;
use super::exception::{failure_of, failure_of_exception};
use crate::failure::{Failure, Outcome};
use crate::modules::CLASSIC_SCRIPT;
use crate::worker::{ModuleKind, Worker};

impl Isolate {
    pub(super) async fn evaluate(&mut self, worker: &Arc<Worker>) -> Result<(), Failure> {
        // ----- Link: nothing runs yet. -----
        self.meter.begin(None);
        let linked = self.link(worker);
        if let Some(stop) = self.meter.end() {
            return Err(self.startup_stopped(Some(stop)));
        }
        let is_es_module =
            worker.module(&worker.main).is_none_or(|main| main.kind == ModuleKind::EsModule);
        let main = match linked {
            // What exports nothing may be a classic script.
            Ok((main, exports)) => {
                if is_es_module && exports == 0 && self.compiles_as_script(worker) {
                    return self.run_script(worker).await;
                }
                main
            }
            Err(failure) => {
                // What only a classic script may hold does not parse as a module.
                if is_es_module && self.compiles_as_script(worker) {
                    return self.run_script(worker).await;
                }
                return Err(failure);
            }
        };

        // ----- Run the global scope. -----
        self.pause_at_start();
        self.meter.begin(None);
        let started = self.run_module(&main, worker);
        if let Some(stop) = self.meter.end() {
            return Err(self.startup_stopped(Some(stop)));
        }
        let promise = started?;
        self.settle(&promise, worker).await?;
        self.register(worker, Some(main))
    }

    /// Compiles and links the main module; how many exports it has.
    fn link(&mut self, worker: &Worker) -> Result<(v8::Global<v8::Module>, usize), Failure> {
        let modules = self.modules.clone();
        deno_core::scope!(scope, self.js);
        v8::tc_scope!(let scope, scope);
        let Some(main) = modules.main(scope) else {
            let exception = scope.exception();
            return Err(thrown(scope, exception, worker));
        };
        let namespace = main.get_module_namespace().to_object(scope);
        let wanted = v8::GetPropertyNamesArgs::default();
        let names = namespace.and_then(|it| it.get_own_property_names(scope, wanted));
        let count = names.map_or(0, |names| names.length() as usize);
        Ok((v8::Global::new(scope, main), count))
    }

    /// Begins to run the main module.
    fn run_module(
        &mut self,
        main: &v8::Global<v8::Module>,
        worker: &Worker,
    ) -> Result<v8::Global<v8::Promise>, Failure> {
        deno_core::scope!(scope, self.js);
        v8::tc_scope!(let scope, scope);
        let main = v8::Local::new(scope, main);
        let Some(promise) = crate::modules::run(scope, main) else {
            let exception = scope.exception();
            return Err(thrown(scope, exception, worker));
        };
        // Whoever started this tells of the failure.
        crate::modules::take_charge(scope, promise);
        let promise = v8::Global::new(scope, promise);
        scope.perform_microtask_checkpoint();
        Ok(promise)
    }

    /// Waits for the global scope to end.
    async fn settle(
        &mut self,
        promise: &v8::Global<v8::Promise>,
        worker: &Worker,
    ) -> Result<(), Failure> {
        let mut stop = None;
        let js = &mut self.js;
        let state = &self.state;
        let meter = &self.meter;
        let is_pending = |js: &mut deno_core::JsRuntime| {
            promise.open(js.v8_isolate()).state() == v8::PromiseState::Pending
        };
        let outcome = poll_fn(|cx| {
            if !is_pending(js) {
                return Poll::Ready(Ok(()));
            }
            meter.begin(None);
            state.set_waker(cx.waker());
            let idle = js.poll_event_loop(cx, PollEventLoopOptions::default());
            let result = match idle {
                _ if !is_pending(js) => Poll::Ready(Ok(())),
                // Nothing is left that could settle the top-level await.
                Poll::Ready(done) => Poll::Ready(done.and(Err(never_settles()))),
                Poll::Pending => Poll::Pending,
            };
            stop = meter.end();
            if stop.is_some() { Poll::Ready(Ok(())) } else { result }
        })
        .await;
        if stop.is_some() {
            return Err(self.startup_stopped(stop));
        }
        outcome.map_err(|error| self.failure_of_core(&error, worker))?;
        // To show what was thrown runs code of the Worker.
        self.meter.begin(None);
        let failure = self.rejection(promise, worker);
        match (self.meter.end(), failure) {
            (Some(stop), Some(_)) => Err(self.startup_stopped(Some(stop))),
            (_, Some(failure)) => Err(failure),
            (_, None) => Ok(()),
        }
    }

    /// The failure that a promise rejects with, if it does.
    fn rejection(&mut self, promise: &v8::Global<v8::Promise>, worker: &Worker) -> Option<Failure> {
        deno_core::scope!(scope, self.js);
        let promise = v8::Local::new(scope, promise);
        if promise.state() != v8::PromiseState::Rejected {
            return None;
        }
        let error = promise.result(scope);
        Some(failure_of_exception(scope, error, worker))
    }

    /// Runs the main module as a classic script, in service-worker syntax.
    async fn run_script(&mut self, worker: &Arc<Worker>) -> Result<(), Failure> {
        let source = self.main_source(worker);
        self.define_globals();
        self.pause_at_start();
        let meter = &self.meter;
        meter.begin(None);
        // `execute_script` wants a static name; the script has one per isolate.
        let result = self.js.execute_script(CLASSIC_SCRIPT, source);
        {
            deno_core::scope!(scope, self.js);
            scope.perform_microtask_checkpoint();
        }
        let stop = meter.end();
        if stop.is_some() {
            return Err(self.startup_stopped(stop));
        }
        if let Err(error) = result {
            let mut failure = failure_of(&error, worker);
            relocate(&mut failure, worker);
            return Err(failure);
        }
        self.register(worker, None)
    }

    fn main_source(&self, worker: &Worker) -> String {
        let module = worker.module(&worker.main);
        module.map_or_else(String::new, |m| String::from_utf8_lossy(&m.body).into_owned())
    }

    fn compiles_as_script(&mut self, worker: &Worker) -> bool {
        let source = self.main_source(worker);
        if source.trim().is_empty() {
            return false;
        }
        deno_core::scope!(scope, self.js);
        v8::tc_scope!(let scope, scope);
        let Some(source) = v8::String::new(scope, &source) else { return false };
        v8::Script::compile(scope, source, None).is_some()
    }

    fn define_globals(&mut self) {
        let hooks = self.hooks.as_ref().expect("hooks are there after `new`");
        deno_core::scope!(scope, self.js);
        let yes = v8::Boolean::new(scope, true).into();
        super::call(scope, &hooks.configure, &[yes]);
    }
}

/// What is said of an exception.
fn thrown<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    exception: Option<v8::Local<'s, v8::Value>>,
    worker: &Worker,
) -> Failure {
    match exception {
        Some(exception) => failure_of_exception(scope, exception, worker),
        None => Failure::new(Outcome::InternalError, "the module did not load"),
    }
}

/// A classic script runs under a fixed URL; its frames belong to the main module.
fn relocate(failure: &mut Failure, worker: &Worker) {
    if let Some(position) = &mut failure.position
        && position.module == "worker.js"
    {
        position.module.clone_from(&worker.main);
        if let Some(module) = worker.module(&worker.main) {
            let source = String::from_utf8_lossy(&module.body);
            failure.code_frame =
                crate::failure::code_frame(&source, position.line, position.column);
        }
    }
}

fn never_settles() -> CoreError {
    deno_core::error::CoreErrorKind::JsBox(deno_error::JsErrorBox::generic(
        "Top-level await in the Worker never settled.",
    ))
    .into_box()
}
