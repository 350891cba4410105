//! The few lines that greet whoever started a broker. Pure but for [`show`].

use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::Duration;

use crate::config::Settings;
use crate::config::effective::{Durability, LogFormat};
use crate::config::listeners::HostPort;

/// What only a started broker knows.
#[derive(Clone, Debug)]
pub(crate) struct Started {
    /// Ports that were bound, in the order of the listeners for clients.
    pub(crate) ports: Vec<u16>,
    /// The core of each shard, where they are tied to cores.
    pub(crate) cores: Option<Vec<usize>>,
    /// The I/O backend and its features, in one short line.
    pub(crate) io: String,
    /// From the start of the process to the first connection that could be served.
    pub(crate) took: Duration,
}

/// Prints the banner; as one log event where lines have to be JSON.
pub(crate) fn show(settings: &Settings, started: &Started) {
    match settings.log_format {
        LogFormat::Text => {
            // A start does not fail for want of somebody to read this.
            drop(
                io::stdout()
                    .lock()
                    .write_all(text(settings, started).as_bytes()),
            );
        }
        LogFormat::Json => {
            let shards = settings.shards;
            let data = settings.data_dir.display().to_string();
            let (durability, io) = (settings.durability.name(), started.io.as_str());
            let took_ms = u64::try_from(started.took.as_millis()).unwrap_or(u64::MAX);
            let version = env!("CARGO_PKG_VERSION");
            tracing::info!(target: "millrace", version, data, shards, durability, io, took_ms, "ready");
        }
    }
}

/// The banner's text.
pub(crate) fn text(settings: &Settings, started: &Started) -> String {
    let shards = match &started.cores {
        Some(cores) => {
            let cores: Vec<_> = cores.iter().map(ToString::to_string).collect();
            format!("{}, on cores {}", settings.shards, cores.join(" "))
        }
        None => format!("{}, not tied to cores", settings.shards),
    };
    let durability = match settings.durability {
        Durability::Durable => "durable: records are on disk before they are acknowledged",
        Durability::Relaxed => "RELAXED: records may be lost when the machine stops",
    };
    let took = started.took.as_millis();
    let mut banner = format!(
        "millrace {} is ready after {took} ms\n",
        env!("CARGO_PKG_VERSION")
    );
    let mut line = |label: &str, value: &str| {
        // Writing to a String cannot fail.
        let _ = writeln!(banner, "  {label:<11} {value}");
    };
    let mut first = None;
    for (listener, port) in settings.client_listeners().zip(&started.ports) {
        let listening = HostPort(&listener.endpoint.host, *port).to_string();
        let advertised_port = match listener.advertised_port {
            0 => *port,
            port => port,
        };
        let advertised = HostPort(&listener.advertised_host, advertised_port).to_string();
        let told = match advertised == listening {
            true => listening,
            false => format!("{listening}, advertised as {advertised}"),
        };
        line("listening", &told);
        first.get_or_insert(advertised);
    }
    line("data", &settings.data_dir.display().to_string());
    line("shards", &shards);
    line("durability", durability);
    line("io", &started.io);
    if let Some(address) = first {
        line("try", &format!("kcat -b {address} -L"));
    }
    banner
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::effective::Machine;
    use crate::config::layers::{Given, Layer, Layers};
    use crate::config::problem::Place;

    fn settings(listeners: &str) -> Settings {
        let mut layers = Layers::default();
        let (layer, place) = (Layer::CommandLine, Place::CommandLine("--listen"));
        layers.add(
            "listeners",
            Given {
                layer,
                text: listeners.to_owned(),
                place,
            },
        );
        let machine = Machine {
            cores: 2,
            host_name: "box".to_owned(),
        };
        Settings::resolve(layers, &machine).unwrap().0
    }

    #[test]
    fn the_banner_is_short_aligned_and_ends_with_a_command_to_type() {
        let started = Started {
            ports: vec![9092],
            cores: Some(vec![0, 1]),
            io: "io_uring (defer_taskrun)".to_owned(),
            took: Duration::from_millis(21),
        };
        let banner = text(&settings("PLAINTEXT://127.0.0.1:0"), &started);
        let lines: Vec<_> = banner.lines().collect();
        assert_eq!(lines.len(), 7, "{banner}");
        assert!(lines[0].ends_with("is ready after 21 ms"));
        assert_eq!(lines[1], "  listening   127.0.0.1:9092");
        assert_eq!(lines[3], "  shards      2, on cores 0 1");
        assert_eq!(lines[6], "  try         kcat -b 127.0.0.1:9092 -L");
    }

    #[test]
    fn an_open_listener_shows_what_clients_are_told() {
        let (io, took) = (String::new(), Duration::ZERO);
        let started = Started {
            ports: vec![19092],
            cores: None,
            io,
            took,
        };
        let banner = text(&settings("PLAINTEXT://0.0.0.0:19092"), &started);
        assert!(
            banner.contains("0.0.0.0:19092, advertised as box:19092"),
            "{banner}"
        );
    }
}
