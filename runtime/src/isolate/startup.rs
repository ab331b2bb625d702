//! From a blank isolate to one that serves: the platform's hooks, the Worker's
//! modules, its global scope under the start-up limit.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use deno_core::error::CoreError;
use deno_core::url::Url;
use deno_core::{PollEventLoopOptions, v8};

use super::entry_site;
use super::exception::{failure_of, js_error, locate};
use super::{Hooks, Isolate, METHODS, RequireHook, WASM_ALLOWED};
use crate::failure::{Failure, Outcome};
use crate::loader::{array_buffer, compile_wasm, module_url};
use crate::log::ConsoleLevel;
use crate::worker::{EnvValue, Mode, ModuleKind, Worker};

/// The name under which the snapshot leaves the hooks for the host.
const HOOKS: &str = "__selvedge";
/// What the snapshot leaves on the global object and no Worker may see.
const INTERNALS: &[&str] = &[HOOKS, "Deno", "__bootstrap", "__infra", "__timers"];

/// Why a Worker does not start that no event could wake.
pub const NO_HANDLER: &str = "The Worker has neither a default export nor a fetch listener.";

impl Isolate {
    /// Takes the hooks out of the global object and removes all that a Worker
    /// must not reach.
    pub(super) fn take_hooks(&mut self) {
        deno_core::scope!(scope, self.js);
        let context = scope.get_current_context();
        let global = context.global(scope);
        let key = v8::String::new(scope, HOOKS).expect("a short string");
        let hooks = global
            .get(scope, key.into())
            .and_then(|value| v8::Local::<v8::Object>::try_from(value).ok())
            .expect("the snapshot holds the hooks");
        let function = |name: &str| {
            let key = v8::String::new(scope, name).expect("a short string");
            let value = hooks.get(scope, key.into()).expect("the hooks have no getters");
            let function = v8::Local::<v8::Function>::try_from(value)
                .unwrap_or_else(|_| panic!("the hook {name} is a function"));
            v8::Global::new(scope, function)
        };
        let hooks = Hooks {
            fetch: function("fetch"),
            scheduled: function("scheduled"),
            abort: function("abort"),
            websocket: function("websocket"),
            configure: function("configure"),
            register: function("register"),
            describe: function("describe"),
            expired: function("expired"),
            hung: function("hung"),
            discard: function("discard"),
            over_memory: function("overMemory"),
            rpc: function("rpc"),
            end_objects: function("endObjects"),
            evict: function("evict"),
            alarm: function("alarm"),
            connect: function("connect"),
        };
        let require = function("require");
        let finish = function("finish");
        // The rest of the bootstrap, which a snapshot cannot hold.
        {
            let finish = v8::Local::new(scope, finish);
            let receiver = v8::undefined(scope).into();
            v8::tc_scope!(let scope, scope);
            if finish.call(scope, receiver, &[]).is_none() {
                let reason = scope
                    .exception()
                    .map_or(String::new(), |exception| exception.to_rust_string_lossy(scope));
                panic!("the platform did not start: {reason}");
            }
        }
        for name in INTERNALS {
            let key = v8::String::new(scope, name).expect("a short string");
            global.delete(scope, key.into());
        }
        let methods = METHODS.map(|method| {
            let string = v8::String::new_from_one_byte(
                scope,
                method.as_bytes(),
                v8::NewStringType::Internalized,
            );
            v8::Global::new(scope, string.expect("a short string"))
        });
        scope.set_slot(RequireHook(require));
        self.methods = methods.into();
        self.hooks = Some(hooks);
    }

    /// Loads a Worker and runs its global scope. An isolate takes one Worker.
    ///
    /// # Errors
    /// When a module is missing or does not parse, the global scope throws or
    /// takes too long, or nothing handles events.
    pub async fn load(&mut self, worker: Arc<Worker>) -> Result<Duration, Failure> {
        self.state.set_worker(worker.clone());
        self.modules.set_worker(worker.clone());
        self.frozen_clock = worker.mode == Mode::Production;
        if self.frozen_clock {
            self.state.advance_time(crate::log::unix_millis());
        }
        self.configure(&worker)?;
        if let Some(debugger) = &self.debugger {
            debugger.wait_at_start();
        }
        self.meter.set_own_limit(worker.limits.startup_cpu);

        let eval_allowed = worker.compatibility.is_on("allow_eval_during_startup");
        self.allow_code_generation(eval_allowed);
        let result = self.evaluate(&worker).await;
        self.allow_code_generation(false);
        let cpu = Duration::from_nanos(self.meter.own_nanos());
        result.map(|()| cpu)
    }

    fn allow_code_generation(&mut self, allow: bool) {
        WASM_ALLOWED.set(allow);
        deno_core::scope!(scope, self.js);
        scope.get_current_context().set_allow_generation_from_strings(allow);
    }

    /// Hands the configuration to JavaScript as JSON, and beside it what JSON
    /// cannot hold.
    fn configure(&mut self, worker: &Worker) -> Result<(), Failure> {
        let op_state = self.js.op_state();
        let mut env = Vec::with_capacity(worker.env.len());
        let mut bindings = Vec::new();
        let mut blobs = Vec::new();
        for entry in &worker.env {
            match &entry.value {
                EnvValue::Text(text) => env.push(serde_json::json!([entry.name, text])),
                EnvValue::Json(value) => env.push(serde_json::json!([entry.name, value])),
                EnvValue::Data(_) | EnvValue::Wasm(_) => blobs.push(entry),
                EnvValue::Binding(binding) => {
                    let resource = binding.open(&mut op_state.borrow_mut());
                    bindings.push(serde_json::json!([entry.name, binding.script(), resource]));
                }
            }
        }
        let hidden = worker.hidden.iter().map(|binding| {
            serde_json::json!([binding.script(), binding.open(&mut op_state.borrow_mut())])
        });
        let hidden: Vec<serde_json::Value> = hidden.collect();
        let mail = worker.mail.as_ref().map(|binding| {
            serde_json::json!([binding.script(), binding.open(&mut op_state.borrow_mut())])
        });
        let mut globals = Vec::new();
        for global in &worker.globals {
            let resource = global.binding.open(&mut op_state.borrow_mut());
            globals
                .extend(global.names.iter().map(|name| (name, global.binding.script(), resource)));
        }
        let (off, on) = worker.compatibility.unlike_newest();
        let config = serde_json::json!({
            "hidden": hidden,
            "mail": mail,
            "env": env,
            "bindings": bindings,
            "globals": globals,
            "entrypoint": worker.entrypoint,
            "production": worker.mode == Mode::Production,
            "inspected": self.debugger.is_some(),
            "colors": self.state.log.colors(),
            "off": off,
            "on": on,
            // As text: few Workers ever look at it.
            "flags": compatibility_flags(worker),
        });
        let hooks = self.hooks.as_ref().expect("hooks are there after `new`");
        deno_core::scope!(scope, self.js);
        v8::tc_scope!(let scope, scope);
        let text = v8::String::new(scope, &config.to_string()).ok_or_else(|| {
            Failure::new(Outcome::InternalError, "the configuration is too large")
        })?;
        let mut values: Vec<v8::Local<'_, v8::Value>> = Vec::with_capacity(blobs.len() * 2);
        for entry in blobs {
            let name = v8::String::new(scope, &entry.name).ok_or_else(|| {
                Failure::new(Outcome::InternalError, "the name of a binding is too long")
            })?;
            let value: v8::Local<'_, v8::Value> = match &entry.value {
                EnvValue::Data(bytes) => array_buffer(scope, bytes).into(),
                EnvValue::Wasm(bytes) => compile_wasm(scope, bytes)
                    .map_err(|reason| {
                        let message = format!("SyntaxError: {}: {reason}", entry.name);
                        Failure::new(Outcome::Exception, message)
                    })?
                    .into(),
                _ => continue,
            };
            values.extend([name.into(), value]);
        }
        let values = v8::Array::new_with_elements(scope, &values);
        let hook = v8::Local::new(scope, &hooks.configure);
        let receiver = v8::undefined(scope).into();
        if hook.call(scope, receiver, &[text.into(), values.into()]).is_none() {
            let reason = scope
                .exception()
                .map_or(String::new(), |exception| exception.to_rust_string_lossy(scope));
            return Err(Failure::new(Outcome::InternalError, reason));
        }
        Ok(())
    }

    /// Where debuggers want it so: pauses what runs next.
    fn pause_at_start(&self) {
        if let Some(debugger) = &self.debugger {
            debugger.pause_at_start();
        }
    }

    async fn evaluate(&mut self, worker: &Arc<Worker>) -> Result<(), Failure> {
        let url = Url::parse(&module_url(&worker.main))
            .map_err(|error| Failure::new(Outcome::ScriptNotFound, error.to_string()))?;
        let meter = &self.meter;
        // ----- Load and link: nothing runs but CommonJS and data modules. -----
        if worker.module(&worker.main).is_some_and(|main| main.kind == ModuleKind::CommonJs) {
            self.pause_at_start();
        }
        let mut stop = None;
        let loaded = {
            let mut load = pin!(self.js.load_main_es_module(&url));
            poll_fn(|cx| {
                meter.begin(None);
                let result = load.as_mut().poll(cx);
                stop = stop.or(meter.end());
                if stop.is_some() { Poll::Ready(None) } else { result.map(Some) }
            })
            .await
        };
        if stop.is_some() {
            return Err(self.startup_stopped(stop));
        }
        let id = match loaded {
            Some(Ok(id)) => id,
            Some(Err(error)) => {
                // What only a classic script may hold does not parse as a module.
                let is_es_module = worker
                    .module(&worker.main)
                    .is_none_or(|main| main.kind == ModuleKind::EsModule);
                if is_es_module && self.compiles_as_script(worker) {
                    return self.run_script(worker).await;
                }
                return Err(self.failure_of_core(&error, worker));
            }
            None => return Err(Failure::new(Outcome::InternalError, "the module did not load")),
        };
        let is_es_module =
            worker.module(&worker.main).is_none_or(|main| main.kind == ModuleKind::EsModule);
        if is_es_module && self.export_count(id)? == 0 && self.compiles_as_script(worker) {
            return self.run_script(worker).await;
        }

        // ----- Run the global scope. -----
        if is_es_module {
            self.pause_at_start();
        }
        let mut evaluation = None;
        let js = &mut self.js;
        let state = &self.state;
        let meter = &self.meter;
        let outcome = poll_fn(|cx| {
            meter.begin(None);
            let running = evaluation.get_or_insert_with(|| Box::pin(js.mod_evaluate(id)));
            let mut result = running.as_mut().poll(cx);
            if result.is_pending() {
                state.set_waker(cx.waker());
                let idle = js.poll_event_loop(cx, PollEventLoopOptions::default());
                result = running.as_mut().poll(cx);
                if result.is_pending()
                    && let Poll::Ready(done) = idle
                {
                    stop = meter.end();
                    // Nothing is left that could settle the top-level await.
                    return Poll::Ready(Some(done.and(Err(never_settles()))));
                }
            }
            stop = meter.end();
            if stop.is_some() { Poll::Ready(None) } else { result.map(Some) }
        })
        .await;
        drop(evaluation);
        if stop.is_some() {
            return Err(self.startup_stopped(stop));
        }
        match outcome {
            Some(Ok(())) => {}
            Some(Err(error)) => return Err(self.failure_of_core(&error, worker)),
            None => return Err(Failure::new(Outcome::InternalError, "the module did not run")),
        }
        self.meter.begin(None);
        let namespace = self.js.get_module_namespace(id);
        let stop = self.meter.end();
        match namespace {
            Ok(namespace) => self.register(worker, Some(namespace)),
            // To show what was thrown runs code of the Worker.
            Err(_) if stop.is_some() => Err(self.startup_stopped(stop)),
            // A module that threw has no namespace but its exception.
            Err(error) => Err(self.failure_of_core(&error, worker)),
        }
    }

    /// Runs the main module as a classic script, in service-worker syntax.
    async fn run_script(&mut self, worker: &Arc<Worker>) -> Result<(), Failure> {
        let source = self.main_source(worker);
        self.define_globals();
        self.pause_at_start();
        let meter = &self.meter;
        meter.begin(None);
        // `execute_script` wants a static name; the script has one per isolate.
        let result = self.js.execute_script("file:///worker.js", source);
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

    /// Looks for the classes that the Worker is expected to export.
    fn expect_classes(
        &mut self,
        worker: &Worker,
        namespace: Option<&v8::Global<v8::Object>>,
    ) -> Result<(), Failure> {
        if worker.classes.is_empty() {
            return Ok(());
        }
        deno_core::scope!(scope, self.js);
        let namespace = namespace.map(|namespace| v8::Local::new(scope, namespace));
        for class in &worker.classes {
            let is_there = namespace.is_some_and(|namespace| {
                let value = v8::String::new(scope, &class.name)
                    .and_then(|name| namespace.get(scope, name.into()));
                value.is_some_and(|value| value.is_function())
            });
            if is_there {
                continue;
            }
            if !class.is_optional {
                return Err(Failure::new(Outcome::Exception, class.missing.clone())
                    .with_hint(format!("export class {} {{ .. }}", class.name)));
            }
            self.state.log.console(&worker.name, ConsoleLevel::Warn, &class.missing);
        }
        Ok(())
    }

    /// Tells JavaScript which handlers there are.
    fn register(
        &mut self,
        worker: &Worker,
        namespace: Option<v8::Global<v8::Object>>,
    ) -> Result<(), Failure> {
        self.expect_classes(worker, namespace.as_ref())?;
        let hooks = self.hooks.as_ref().expect("hooks are there after `new`");
        deno_core::scope!(scope, self.js);
        v8::tc_scope!(let scope, scope);
        let hook = v8::Local::new(scope, &hooks.register);
        let receiver = v8::undefined(scope).into();
        let argument: v8::Local<v8::Value> = match namespace {
            Some(namespace) => v8::Local::new(scope, namespace).into(),
            None => v8::undefined(scope).into(),
        };
        let Some(problem) = hook.call(scope, receiver, &[argument]) else {
            let reason = scope
                .exception()
                .map_or(String::new(), |exception| exception.to_rust_string_lossy(scope));
            return Err(Failure::new(Outcome::Exception, reason));
        };
        if problem.is_undefined() {
            return Ok(());
        }
        let message = problem.to_rust_string_lossy(scope);
        let hint = if message == NO_HANDLER || message.is_empty() {
            "export default { async fetch(request, env, ctx) { return new Response(\"Hello\"); } }"
        } else {
            "a handler is a function, e.g. export default { fetch(request, env, ctx) { .. } }"
        };
        let message = if message.is_empty() { NO_HANDLER.to_owned() } else { message };
        let mut failure = Failure::new(Outcome::Exception, message).with_hint(hint);
        entry_site::locate(&mut failure, worker);
        Err(failure)
    }

    fn define_globals(&mut self) {
        let hooks = self.hooks.as_ref().expect("hooks are there after `new`");
        deno_core::scope!(scope, self.js);
        let yes = v8::Boolean::new(scope, true).into();
        super::call(scope, &hooks.configure, &[yes]);
    }

    fn export_count(&mut self, id: usize) -> Result<usize, Failure> {
        let namespace = self.js.get_module_namespace(id).map_err(|error| internal(&error))?;
        deno_core::scope!(scope, self.js);
        let namespace = v8::Local::new(scope, namespace);
        let names = namespace.get_own_property_names(scope, v8::GetPropertyNamesArgs::default());
        Ok(names.map_or(0, |names| names.length() as usize))
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

    fn startup_stopped(&mut self, stop: Option<crate::watchdog::Stop>) -> Failure {
        self.js.v8_isolate().cancel_terminate_execution();
        self.condemned = true;
        let mut failure = match stop.map(|stop| stop.outcome) {
            Some(Outcome::ExceededMemory) => Failure::new(
                Outcome::ExceededMemory,
                "Worker exceeded memory limit while its global scope ran.",
            ),
            _ => Failure::new(Outcome::ExceededCpu, "Script startup exceeded CPU time limit.")
                .with_hint(format!(
                    "the global scope may use {} ms of CPU time; move work into a handler",
                    self.own_startup_limit().as_millis()
                )),
        };
        let sites = self.meter.take_stopped_at();
        if let Some(worker) = self.state.worker_if_loaded() {
            locate(&mut failure, &sites, worker);
        }
        failure
    }

    fn own_startup_limit(&self) -> Duration {
        self.state
            .worker_if_loaded()
            .map_or(crate::limits::STARTUP_CPU, |worker| worker.limits.startup_cpu)
    }

    fn failure_of_core(&mut self, error: &CoreError, worker: &Worker) -> Failure {
        match js_error(error) {
            Some(error) => failure_of(error, worker),
            None => Failure::new(Outcome::Exception, error.to_string()),
        }
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

/// `Cloudflare.compatibilityFlags` as JSON.
fn compatibility_flags(worker: &Worker) -> String {
    let flags: serde_json::Map<_, _> =
        worker.compatibility.all().map(|(name, is_on)| (name.to_owned(), is_on.into())).collect();
    serde_json::Value::Object(flags).to_string()
}

fn never_settles() -> CoreError {
    deno_core::error::CoreErrorKind::JsBox(deno_error::JsErrorBox::generic(
        "Top-level await in the Worker never settled.",
    ))
    .into_box()
}

fn internal(error: &CoreError) -> Failure {
    Failure::new(Outcome::InternalError, error.to_string())
}
