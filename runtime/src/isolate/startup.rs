//! From a blank isolate to one that serves: the platform's hooks, the Worker's
//! modules, its global scope under the start-up limit.

use std::sync::Arc;
use std::time::Duration;

use deno_core::error::CoreError;
use deno_core::v8;

use super::entry_site;
use super::exception::{failure_of, js_error, locate};
use super::{Hooks, Isolate, METHODS, WASM_ALLOWED};
use crate::failure::{Failure, Outcome};
use crate::log::ConsoleLevel;
use crate::modules::{array_buffer, compile_wasm};
use crate::worker::{EnvValue, Mode, Worker};

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
        let built_in = function("builtIn");
        let compile_wasm = function("compileWasm");
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
        let hooks_of_modules = crate::modules::Hooks { require, built_in, compile_wasm };
        self.modules.install(scope, hooks_of_modules);
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
            "partialProcess": worker.compatibility.has_partial_process(),
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
    pub(super) fn pause_at_start(&self) {
        if let Some(debugger) = &self.debugger {
            debugger.pause_at_start();
        }
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
    pub(super) fn register(
        &mut self,
        worker: &Worker,
        main: Option<v8::Global<v8::Module>>,
    ) -> Result<(), Failure> {
        let namespace = main.map(|main| self.namespace(&main));
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

    fn namespace(&mut self, module: &v8::Global<v8::Module>) -> v8::Global<v8::Object> {
        deno_core::scope!(scope, self.js);
        let namespace = v8::Local::new(scope, module).get_module_namespace();
        let namespace = namespace.to_object(scope).expect("a namespace is an object");
        v8::Global::new(scope, namespace)
    }

    pub(super) fn startup_stopped(&mut self, stop: Option<crate::watchdog::Stop>) -> Failure {
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

    pub(super) fn failure_of_core(&mut self, error: &CoreError, worker: &Worker) -> Failure {
        match js_error(error) {
            Some(error) => failure_of(error, worker),
            None => Failure::new(Outcome::Exception, error.to_string()),
        }
    }
}

/// `Cloudflare.compatibilityFlags` as JSON.
fn compatibility_flags(worker: &Worker) -> String {
    let flags: serde_json::Map<_, _> =
        worker.compatibility.all().map(|(name, is_on)| (name.to_owned(), is_on.into())).collect();
    serde_json::Value::Object(flags).to_string()
}
