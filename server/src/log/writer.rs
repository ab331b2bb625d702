//! The thread that turns records into lines and writes them.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender};
use std::time::Duration;

use super::pretty::{self, Stream};
use super::record::{Event, Field, Record, Timed};
use super::{Format, Level, LogOptions, Shared, json};

/// Between two batches: while it sleeps, no isolate pays to wake it.
const PAUSE: Duration = Duration::from_millis(1);
/// Text is written when there is this much of it, or nothing more to add.
const BATCH_BYTES: usize = 64 * 1024;

/// Where lines go.
pub(super) struct Outputs {
    pub(super) stdout: Box<dyn Write + Send>,
    pub(super) stderr: Box<dyn Write + Send>,
}

pub(super) struct Writer {
    options: LogOptions,
    outputs: Outputs,
    shared: Arc<Shared>,
    records: Receiver<Timed>,
    /// Lines for one stream that are not yet written.
    text: String,
    stream: Stream,
    flushes: Vec<SyncSender<()>>,
}

impl Writer {
    pub(super) fn new(
        options: LogOptions,
        outputs: Outputs,
        shared: Arc<Shared>,
        records: Receiver<Timed>,
    ) -> Self {
        Self {
            options,
            outputs,
            shared,
            records,
            text: String::new(),
            stream: Stream::Stdout,
            flushes: Vec::new(),
        }
    }

    /// Writes until nobody can say anything any more.
    pub(super) fn run(mut self) {
        while let Ok(first) = self.records.recv() {
            let mut next = Some(first);
            // ----- While there is something: a batch, a pause, the next one. -----
            while let Some(record) = next.take() {
                self.add(record);
                while self.text.len() < BATCH_BYTES
                    && let Ok(record) = self.records.try_recv()
                {
                    self.add(record);
                }
                self.report_dropped();
                self.write();
                for done in self.flushes.drain(..) {
                    let _ = done.try_send(());
                }
                std::thread::sleep(PAUSE);
                next = self.records.try_recv().ok();
            }
        }
    }

    fn add(&mut self, timed: Timed) {
        self.shared.queued_bytes.fetch_sub(timed.record.text_bytes(), Ordering::Relaxed);
        if let Record::Flush(done) = timed.record {
            self.flushes.push(done);
            return;
        }
        self.format(&timed);
    }

    fn format(&mut self, timed: &Timed) {
        let stream = match self.options.format {
            Format::Json => Stream::Stdout,
            Format::Pretty => pretty::stream_of(&timed.record),
        };
        // Both streams are often one terminal: lines keep their order.
        if stream != self.stream {
            self.write();
            self.stream = stream;
        }
        match self.options.format {
            Format::Json => json::push(&mut self.text, timed),
            Format::Pretty => pretty::push(&mut self.text, &timed.record, self.options.colors),
        }
    }

    fn report_dropped(&mut self) {
        let dropped = self.shared.dropped.swap(0, Ordering::Relaxed);
        if dropped > 0 && self.options.level >= Level::Warn {
            self.format(&Timed::now(Record::Event(Box::new(Event {
                level: Level::Warn,
                message: "log lines were dropped: they came faster than they could be written"
                    .into(),
                fields: vec![Field::new("dropped", dropped)],
            }))));
        }
    }

    /// Writes what is there. A reader that went away takes its lines with it.
    fn write(&mut self) {
        if self.text.is_empty() {
            return;
        }
        let output = match self.stream {
            Stream::Stdout => &mut self.outputs.stdout,
            Stream::Stderr => &mut self.outputs.stderr,
        };
        let _ = output.write_all(self.text.as_bytes()).and_then(|()| output.flush());
        self.text.clear();
        self.text.shrink_to(2 * BATCH_BYTES);
    }
}
