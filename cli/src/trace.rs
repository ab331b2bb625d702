//! Takes `tracing` events, of Selvedge and of its libraries, to the log.

use std::fmt;
use std::sync::Arc;

use selvedge_server::log::{Field, FieldValue, Level, Log};
use tracing::field::{Field as Name, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

/// From now on events of this process go to the log.
pub(crate) fn install(log: &Arc<Log>) {
    let (own, others) = match log.level() {
        Level::Off => (LevelFilter::OFF, LevelFilter::OFF),
        Level::Error => (LevelFilter::ERROR, LevelFilter::ERROR),
        Level::Warn => (LevelFilter::WARN, LevelFilter::ERROR),
        Level::Info => (LevelFilter::INFO, LevelFilter::ERROR),
        Level::Debug => (LevelFilter::DEBUG, LevelFilter::INFO),
    };
    let targets = Targets::new().with_default(others).with_target("selvedge", own);
    let layer = LogLayer(log.clone()).with_filter(targets);
    // It fails only if somebody was first, and nobody is.
    let _ = tracing_subscriber::registry().with(layer).try_init();
}

struct LogLayer(Arc<Log>);

impl<S: Subscriber> Layer<S> for LogLayer {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut facts = Facts::default();
        event.record(&mut facts);
        let level = match *event.metadata().level() {
            tracing::Level::ERROR => Level::Error,
            tracing::Level::WARN => Level::Warn,
            tracing::Level::INFO => Level::Info,
            tracing::Level::DEBUG | tracing::Level::TRACE => Level::Debug,
        };
        self.0.event(level, &facts.message, facts.fields);
    }
}

/// What an event says, taken apart.
#[derive(Default)]
struct Facts {
    message: String,
    fields: Vec<Field>,
}

impl Facts {
    fn add(&mut self, name: &Name, value: impl Into<FieldValue>) {
        self.fields.push(Field::new(name.name(), value));
    }
}

impl Visit for Facts {
    fn record_debug(&mut self, name: &Name, value: &dyn fmt::Debug) {
        let text = format!("{value:?}");
        match name.name() {
            "message" => self.message = text,
            _ => self.add(name, text),
        }
    }

    fn record_str(&mut self, name: &Name, value: &str) {
        match name.name() {
            "message" => value.clone_into(&mut self.message),
            _ => self.add(name, value),
        }
    }

    fn record_i64(&mut self, name: &Name, value: i64) {
        self.add(name, value);
    }

    fn record_u64(&mut self, name: &Name, value: u64) {
        self.add(name, value);
    }

    fn record_f64(&mut self, name: &Name, value: f64) {
        self.add(name, value);
    }

    fn record_bool(&mut self, name: &Name, value: bool) {
        self.add(name, value);
    }
}
