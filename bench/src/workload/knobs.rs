//! The settings of producers and consumers under the names and with the defaults that Kafka's
//! Java clients have. Pure. A name that would have an effect there and has none here is refused.

use std::collections::BTreeMap;

use protocol::records::Compression;

/// What brokers remember of an idempotent producer: more in flight could be stored out of order.
const IDEMPOTENT_IN_FLIGHT_MAX: u32 = 5;

/// Accepted and without effect: the load generator decides these itself.
const WITHOUT_EFFECT: [&str; 22] = [
    "bootstrap.servers",
    "client.id",
    "key.serializer",
    "value.serializer",
    "key.deserializer",
    "value.deserializer",
    "retries",
    "retry.backoff.ms",
    "delivery.timeout.ms",
    "max.block.ms",
    "metadata.max.age.ms",
    "connections.max.idle.ms",
    "reconnect.backoff.ms",
    "send.buffer.bytes",
    "receive.buffer.bytes",
    "security.protocol",
    "group.id",
    "group.protocol",
    "max.poll.records",
    "max.poll.interval.ms",
    "session.timeout.ms",
    "check.crcs",
];

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ProducerKnobs {
    pub(crate) batch_size: u64,
    pub(crate) linger_ms: f64,
    /// -1 all in-sync replicas, 1 the leader, 0 nobody.
    pub(crate) acks: i16,
    pub(crate) compression: Compression,
    pub(crate) compression_level: Option<i32>,
    pub(crate) idempotent: bool,
    pub(crate) in_flight: u32,
    pub(crate) buffer_memory: u64,
    pub(crate) max_request_size: u64,
    pub(crate) request_timeout_ms: i32,
    /// Each producer's is this with its number behind.
    pub(crate) transactional_id: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ConsumerKnobs {
    pub(crate) fetch_min_bytes: i32,
    pub(crate) fetch_max_wait_ms: i32,
    pub(crate) fetch_max_bytes: i32,
    pub(crate) max_partition_fetch_bytes: i32,
    pub(crate) read_committed: bool,
    pub(crate) from_beginning: bool,
    /// How often a member of a group commits.
    pub(crate) commit_interval_ms: u64,
    pub(crate) auto_commit: bool,
    pub(crate) heartbeat_interval_ms: u64,
}

/// Settings by name; every one that is understood is taken out.
struct Settings(BTreeMap<String, String>);

impl Settings {
    fn take<T: std::str::FromStr>(&mut self, name: &str, default: T) -> Result<T, String> {
        let Some(text) = self.0.remove(name) else {
            return Ok(default);
        };
        text.trim()
            .parse()
            .map_err(|_| format!("{name} cannot be '{text}'"))
    }

    fn rest(&self, of: &str) -> Result<(), String> {
        let mut unknown = self.0.keys();
        let unknown = unknown.find(|name| !WITHOUT_EFFECT.contains(&name.as_str()));
        match unknown {
            Some(name) => Err(format!(
                "{name} is no setting of the {of} that is offered here"
            )),
            None => Ok(()),
        }
    }
}

impl ProducerKnobs {
    /// # Errors
    /// A setting that is unknown, has no such value, or does not go with another one.
    pub(crate) fn new(settings: &BTreeMap<String, String>) -> Result<Self, String> {
        let mut settings = Settings(settings.clone());
        let acks = settings.take("acks", "all".to_owned())?;
        let acks = match acks.as_str() {
            "all" | "-1" => -1,
            "1" => 1,
            "0" => 0,
            other => return Err(format!("acks cannot be '{other}': all, 1 or 0")),
        };
        let transactional_id = settings.0.remove("transactional.id");
        let explicit = settings.0.contains_key("enable.idempotence");
        let in_flight = settings.take("max.in.flight.requests.per.connection", 5)?;
        let may = acks == -1 && in_flight <= IDEMPOTENT_IN_FLIGHT_MAX;
        let idempotent = settings.take("enable.idempotence", may)?;
        if in_flight == 0 {
            return Err("max.in.flight.requests.per.connection must be 1 at least".to_owned());
        }
        if idempotent && !may {
            return Err(format!(
                "enable.idempotence needs acks=all and max.in.flight.requests.per.connection of \
                 {IDEMPOTENT_IN_FLIGHT_MAX} at most"
            ));
        }
        if transactional_id.is_some() && !idempotent {
            let why = if explicit {
                "enable.idempotence"
            } else {
                "acks=all"
            };
            return Err(format!("transactional.id needs {why}"));
        }
        let codec = settings.take("compression.type", "none".to_owned())?;
        let compression = compression(&codec)?;
        let level = settings.take(&format!("compression.{codec}.level"), i32::MIN)?;
        let knobs = Self {
            batch_size: settings.take("batch.size", 16_384)?,
            linger_ms: settings.take("linger.ms", 5.0)?,
            acks,
            compression,
            compression_level: (level != i32::MIN).then_some(level),
            idempotent,
            in_flight,
            buffer_memory: settings.take("buffer.memory", 32 << 20)?,
            max_request_size: settings.take("max.request.size", 1 << 20)?,
            request_timeout_ms: settings.take("request.timeout.ms", 30_000)?,
            transactional_id,
        };
        settings.rest("producer")?;
        if !(0.0..=3.6e6).contains(&knobs.linger_ms) {
            return Err("linger.ms must be between 0 and one hour".to_owned());
        }
        Ok(knobs)
    }
}

impl ConsumerKnobs {
    /// # Errors
    /// A setting that is unknown or has no such value.
    pub(crate) fn new(settings: &BTreeMap<String, String>) -> Result<Self, String> {
        let mut settings = Settings(settings.clone());
        let isolation = settings.take("isolation.level", "read_uncommitted".to_owned())?;
        let read_committed = match isolation.as_str() {
            "read_committed" => true,
            "read_uncommitted" => false,
            other => return Err(format!("isolation.level cannot be '{other}'")),
        };
        let reset = settings.take("auto.offset.reset", "latest".to_owned())?;
        let from_beginning = match reset.as_str() {
            "earliest" => true,
            "latest" => false,
            other => return Err(format!("auto.offset.reset cannot be '{other}'")),
        };
        let knobs = Self {
            fetch_min_bytes: settings.take("fetch.min.bytes", 1)?,
            fetch_max_wait_ms: settings.take("fetch.max.wait.ms", 500)?,
            fetch_max_bytes: settings.take("fetch.max.bytes", 50 << 20)?,
            max_partition_fetch_bytes: settings.take("max.partition.fetch.bytes", 1 << 20)?,
            read_committed,
            from_beginning,
            commit_interval_ms: settings.take("auto.commit.interval.ms", 5000)?,
            auto_commit: settings.take("enable.auto.commit", true)?,
            heartbeat_interval_ms: settings.take("heartbeat.interval.ms", 3000)?,
        };
        settings.rest("consumer")?;
        Ok(knobs)
    }
}

fn compression(name: &str) -> Result<Compression, String> {
    if name == "none" {
        return Ok(Compression::None);
    }
    let mut codecs = (0..8).filter_map(Compression::from_id);
    codecs
        .find(|codec| codec.name() == name)
        .ok_or_else(|| format!("compression.type cannot be '{name}'"))
}

/// `name=value` lines or pairs, as properties files have them.
pub(crate) fn properties(text: &str) -> Result<BTreeMap<String, String>, String> {
    let lines = text.lines().map(str::trim);
    let settings = lines.filter(|line| !line.is_empty() && !line.starts_with(['#', '!']));
    settings
        .map(|line| {
            let (name, value) = line
                .split_once('=')
                .ok_or_else(|| format!("'{line}' is not NAME=VALUE"))?;
            Ok((name.trim().to_owned(), value.trim().to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn producer(text: &str) -> Result<ProducerKnobs, String> {
        ProducerKnobs::new(&properties(&text.replace(' ', "\n")).unwrap())
    }

    #[test]
    fn the_defaults_are_the_java_clients() {
        let knobs = producer("").unwrap();
        assert_eq!((knobs.batch_size, knobs.linger_ms), (16_384, 5.0));
        assert_eq!(
            (knobs.acks, knobs.idempotent, knobs.in_flight),
            (-1, true, 5)
        );
        let knobs = ConsumerKnobs::new(&BTreeMap::new()).unwrap();
        assert_eq!((knobs.fetch_min_bytes, knobs.fetch_max_wait_ms), (1, 500));
    }

    #[test]
    fn idempotence_gives_way_unless_it_was_asked_for() {
        assert!(!producer("acks=1").unwrap().idempotent);
        assert!(
            !producer("max.in.flight.requests.per.connection=9")
                .unwrap()
                .idempotent
        );
        assert!(producer("acks=1 enable.idempotence=true").is_err());
        assert!(producer("acks=1 transactional.id=t").is_err());
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, named) in [
            ("acks=2", "acks"),
            ("linger.ms=soon", "linger.ms"),
            ("linger.ms=-1", "linger.ms"),
            ("compression.type=rar", "rar"),
            ("batch.sise=1", "batch.sise"),
            ("max.in.flight.requests.per.connection=0", "max.in.flight"),
        ] {
            let error = producer(text).unwrap_err();
            assert!(error.contains(named), "{text}: {error}");
        }
        assert!(producer("retries=5 compression.type=zstd compression.zstd.level=3").is_ok());
        assert!(properties("batch.size").is_err());
    }
}
