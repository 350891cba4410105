//! Log lines: tracing events as text or JSON, handed to a writer thread through a bounded queue.
//! Shell.
//!
//! A slow terminal or a full pipe must never stop a shard: when the queue is full the line is
//! dropped and counted, and the count is written when there is room again. Lines go to standard
//! output, where container tools and test harnesses look for Kafka's.

use std::fmt::{self, Write as _};
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use thiserror::Error;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::reload;

use crate::config::effective::LogFormat;

/// Test containers wait for a line with these words; they are Kafka's.
const RUNNING: &str = "The broker has been unfenced. Transitioning from RECOVERY to RUNNING.";
/// As above, for other test containers.
const STARTED: &str = "Kafka Server started";

/// Lines that may wait for the writer.
const QUEUED_LINES_MAX: usize = 4096;
/// How long the end of the process waits for lines that are still queued.
const FLUSH_WAIT: Duration = Duration::from_secs(2);

#[derive(Debug, Error)]
pub(crate) enum LoggingError {
    #[error("log filter {filter:?} is not a list of level or target=level: {reason}")]
    Filter { filter: String, reason: String },
    #[error("cannot start the log writer: {0}")]
    Thread(#[from] io::Error),
    #[error("logging is already set up")]
    AlreadySet,
}

/// Starts logging to standard output for the whole process. The guard writes what is queued when it
/// is dropped.
///
/// # Errors
/// A filter that does not parse, or no thread to write.
pub(crate) fn start(filter: &str, format: LogFormat) -> Result<LogGuard, LoggingError> {
    let env_filter = EnvFilter::builder()
        .parse(filter)
        .map_err(|error| LoggingError::Filter {
            filter: filter.to_owned(),
            reason: error.to_string(),
        })?;
    let (queue, guard) = writer(io::stdout())?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(env_filter)
        .with_writer(queue);
    let (set, reload): (_, Reload) = match format {
        LogFormat::Text => {
            let builder = builder.with_ansi(false).with_filter_reloading();
            let handle = builder.reload_handle();
            let set = tracing::subscriber::set_global_default(builder.finish());
            (set, Box::new(move |filter| handle.reload(filter)))
        }
        LogFormat::Json => {
            let builder = builder.event_format(JsonLines).with_filter_reloading();
            let handle = builder.reload_handle();
            let set = tracing::subscriber::set_global_default(builder.finish());
            (set, Box::new(move |filter| handle.reload(filter)))
        }
    };
    set.map_err(|_| LoggingError::AlreadySet)?;
    RELOAD.set(reload).map_err(|_| LoggingError::AlreadySet)?;
    Ok(guard)
}

type Reload = Box<dyn Fn(EnvFilter) -> Result<(), reload::Error> + Send + Sync>;

/// Changes the filter of the running process; set once, at its start.
static RELOAD: OnceLock<Reload> = OnceLock::new();

/// Takes up another filter.
pub(crate) fn set_filter(filter: &str) {
    let taken_up = match (EnvFilter::builder().parse(filter), RELOAD.get()) {
        (Ok(filter), Some(reload)) => reload(filter).map_err(|error| error.to_string()),
        (Err(error), _) => Err(error.to_string()),
        (Ok(_), None) => Err("logging is not set up".to_owned()),
    };
    if let Err(error) = taken_up {
        tracing::error!("the log filter {filter:?} is not taken up: {error}");
    }
}

/// Tells that clients are served, in the words that test containers wait for.
pub(crate) fn ready(node_id: i32) {
    tracing::info!(target: "millrace", "[BrokerLifecycleManager id={node_id}] {RUNNING}");
    tracing::info!(target: "millrace", "[KafkaRaftServer nodeId={node_id}] {STARTED}");
}

enum Message {
    Line(Vec<u8>),
    End(SyncSender<()>),
}

/// Makes writers that put whole lines into the queue.
#[derive(Clone, Debug)]
pub(crate) struct LogQueue {
    sender: SyncSender<Message>,
    dropped: Arc<AtomicU64>,
}

/// Keeps the writer; dropped last.
#[derive(Debug)]
pub(crate) struct LogGuard {
    sender: SyncSender<Message>,
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "Line({} bytes)", line.len()),
            Self::End(_) => f.write_str("End"),
        }
    }
}

/// The queue and its thread.
fn writer(output: impl Write + Send + 'static) -> io::Result<(LogQueue, LogGuard)> {
    let (sender, receiver) = sync_channel(QUEUED_LINES_MAX);
    let dropped = Arc::new(AtomicU64::new(0));
    let queue = LogQueue {
        sender: sender.clone(),
        dropped: Arc::clone(&dropped),
    };
    thread::Builder::new()
        .name("log-writer".to_owned())
        .spawn(move || write_lines(&receiver, &dropped, output))?;
    Ok((queue, LogGuard { sender }))
}

/// Runs until every sender is gone. A failed write has nobody to be told to; the line is lost.
fn write_lines(receiver: &Receiver<Message>, dropped: &AtomicU64, mut output: impl Write) {
    while let Ok(message) = receiver.recv() {
        match message {
            Message::Line(line) => drop(output.write_all(&line)),
            Message::End(done) => {
                drop(output.flush());
                let _ = done.try_send(());
                continue;
            }
        }
        let lost = dropped.swap(0, Ordering::Relaxed);
        if lost > 0 {
            drop(writeln!(
                output,
                "{lost} log lines were dropped: they came faster than they could be written"
            ));
        }
        drop(output.flush());
    }
}

impl Drop for LogGuard {
    fn drop(&mut self) {
        let (done, wait) = sync_channel(1);
        // A full queue means that the output is stuck; what is in it is given up.
        if self.sender.try_send(Message::End(done)).is_ok() {
            let _ = wait.recv_timeout(FLUSH_WAIT);
        }
    }
}

impl<'a> MakeWriter<'a> for LogQueue {
    type Writer = LineWriter<'a>;

    fn make_writer(&'a self) -> Self::Writer {
        LineWriter {
            queue: self,
            line: Vec::new(),
        }
    }
}

/// Gathers one event's line and queues it when dropped.
#[derive(Debug)]
pub(crate) struct LineWriter<'a> {
    queue: &'a LogQueue,
    line: Vec<u8>,
}

impl Write for LineWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.line.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for LineWriter<'_> {
    fn drop(&mut self) {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            return;
        }
        match self.queue.sender.try_send(Message::Line(line)) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.queue.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

/// One object a line: `ts`, `level`, `target`, `thread`, `msg`, then the event's fields.
#[derive(Debug)]
struct JsonLines;

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let metadata = event.metadata();
        writer.write_str("{\"ts\":\"")?;
        SystemTime.format_time(&mut writer)?;
        write!(writer, "\",\"level\":\"{}\",\"target\":", metadata.level())?;
        write_json_text(&mut writer, metadata.target())?;
        writer.write_str(",\"thread\":")?;
        write_json_text(&mut writer, thread::current().name().unwrap_or_default())?;
        let mut fields = JsonFields {
            text: String::new(),
        };
        event.record(&mut fields);
        writeln!(writer, "{}}}", fields.text)
    }
}

struct JsonFields {
    text: String,
}

impl JsonFields {
    fn name(&mut self, field: &Field) {
        let name = if field.name() == "message" {
            "msg"
        } else {
            field.name()
        };
        self.text.push(',');
        // Writing to a String cannot fail.
        let _ = write_json_text(&mut self.text, name);
        self.text.push(':');
    }
}

impl Visit for JsonFields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.name(field);
        let _ = write_json_text(&mut self.text, &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.name(field);
        let _ = write_json_text(&mut self.text, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.name(field);
        let _ = write!(self.text, "{value}");
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.name(field);
        let _ = write!(self.text, "{value}");
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.name(field);
        let _ = write!(self.text, "{value}");
    }
}

/// A JSON string with its quotes.
///
/// # Errors
/// Those of the writer.
pub(crate) fn write_json_text(writer: &mut dyn fmt::Write, text: &str) -> fmt::Result {
    writer.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' => writer.write_str("\\\"")?,
            '\\' => writer.write_str("\\\\")?,
            '\n' => writer.write_str("\\n")?,
            '\r' => writer.write_str("\\r")?,
            '\t' => writer.write_str("\\t")?,
            c if c.is_control() => write!(writer, "\\u{:04x}", u32::from(c))?,
            c => writer.write_char(c)?,
        }
    }
    writer.write_char('"')
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    /// Hands every write on, and waits for a word to go on when told so.
    struct Tap {
        written: mpsc::Sender<String>,
        gate: Option<Receiver<()>>,
    }

    impl Write for Tap {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if let Some(gate) = &self.gate {
                let _ = gate.recv();
            }
            drop(
                self.written
                    .send(String::from_utf8_lossy(bytes).into_owned()),
            );
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_come_out_as_text_and_as_json() {
        let (written, lines) = mpsc::channel();
        let (queue, guard) = writer(Tap {
            written,
            gate: None,
        })
        .unwrap();
        let json = tracing_subscriber::fmt()
            .with_writer(queue)
            .event_format(JsonLines)
            .finish();
        tracing::subscriber::with_default(json, || {
            tracing::info!(
                partitions = 3,
                name = "a\"b",
                up = true,
                "created {}",
                "topic"
            );
            ready(7);
        });
        drop(guard);
        let line = lines.recv().unwrap();
        assert!(line.starts_with("{\"ts\":\"2"), "{line}");
        let rest = "\"msg\":\"created topic\",\"partitions\":3,\"name\":\"a\\\"b\",\"up\":true}\n";
        assert!(line.ends_with(rest), "{line}");
        assert!(line.contains("\"level\":\"INFO\""), "{line}");
        let ready = [lines.recv().unwrap(), lines.recv().unwrap()].concat();
        assert!(
            ready.contains("Transitioning from RECOVERY to RUNNING"),
            "{ready}"
        );
        assert!(ready.contains("Kafka Server started"), "{ready}");
    }

    #[test]
    fn a_stuck_output_drops_lines_and_tells_how_many() {
        let (written, lines) = mpsc::channel();
        let (open, gate) = mpsc::channel();
        let (queue, guard) = writer(Tap {
            written,
            gate: Some(gate),
        })
        .unwrap();
        for _ in 0..QUEUED_LINES_MAX + 100 {
            drop(queue.make_writer().write_all(b"line\n"));
        }
        drop(open);
        drop(queue);
        drop(guard);
        let all: Vec<String> = lines.iter().collect();
        let count = all.iter().filter(|line| *line == "line\n").count();
        assert!(
            (QUEUED_LINES_MAX..QUEUED_LINES_MAX + 100).contains(&count),
            "{count}"
        );
        assert!(all.concat().contains("log lines were dropped"));
    }

    #[test]
    fn a_filter_that_does_not_parse_is_refused() {
        let error = start("millrace=loud", LogFormat::Text).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("log filter \"millrace=loud\""),
            "{error}"
        );
    }
}
