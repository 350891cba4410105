//! `millrace log`: looks at the files of a log, checks them, repairs them; without a broker. Shell.
//!
//! `dump` and `verify` only read. `verify` and `repair` hold the lock of the data directory, so that
//! no broker works in it meanwhile; `dump` says so when one does.

pub(crate) mod arguments;
mod decode;
mod dump;
mod place;
mod progress;
mod repair;
mod row;
mod verify;

use std::io::{self, BufWriter, StdoutLock, Write as _};
use std::process::ExitCode;

use self::arguments::LogCommand;
use self::place::Place;
use self::row::Row;

/// Something is damaged, or there is something to repair.
const DAMAGED: u8 = 3;

/// Does what the command line says.
pub(super) fn run(command: &LogCommand) -> ExitCode {
    let done = match command {
        LogCommand::Dump(arguments) => {
            if let Some(note) = arguments.paths.first().and_then(|path| place::in_use(path)) {
                super::complain(&note, 0);
            }
            let mut output = Output::new(arguments.json);
            let dumped = dump::run(arguments, &mut output);
            dumped.and_then(|()| Ok(output.finish()?)).map(|()| 0)
        }
        LogCommand::Verify(arguments) => {
            Place::lock_for_reading(arguments).and_then(|place| verify::run(&place, arguments))
        }
        LogCommand::Repair(arguments) => repair::run(arguments),
    };
    match done {
        Ok(code) => ExitCode::from(code),
        // a reader that has seen enough (`| head`) is no failure
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => super::complain(&format!("{error:#}"), super::FAILED),
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io = error.downcast_ref::<io::Error>();
    io.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// Rows on standard output, as text or JSON.
struct Output {
    json: bool,
    writer: BufWriter<StdoutLock<'static>>,
}

impl Output {
    fn new(json: bool) -> Self {
        Self {
            json,
            writer: BufWriter::with_capacity(1 << 16, io::stdout().lock()),
        }
    }

    fn row(&mut self, row: &Row) -> io::Result<()> {
        self.writer.write_all(row.render(self.json).as_bytes())
    }

    /// A line for people; not in JSON.
    fn line(&mut self, text: &str) -> io::Result<()> {
        if self.json {
            return Ok(());
        }
        writeln!(self.writer, "{text}")
    }

    fn finish(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}
