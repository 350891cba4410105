//! From texts to settings: precedence, each refusal, each notice.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use super::effective::{Durability, Listener, Machine, Settings};
use super::layers::Source;
use super::load::{Inputs, Override, load};
use super::problem::{ConfigError, Notice, Place};

fn machine() -> Machine {
    Machine {
        cores: 6,
        host_name: "box".to_owned(),
    }
}

fn advertised(listener: &Listener) -> String {
    format!("{}:{}", listener.advertised_host, listener.advertised_port)
}

fn from(file: &str) -> Result<(Settings, Vec<Notice>), ConfigError> {
    load_with(file, &[], &[])
}

fn load_with(
    file: &str,
    environment: &[(&str, &str)],
    overrides: &[(&str, &str)],
) -> Result<(Settings, Vec<Notice>), ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("server.properties");
    fs::write(&path, file).unwrap();
    let own = |pair: &(&str, &str)| (pair.0.to_owned(), pair.1.to_owned());
    let inputs = Inputs {
        file: Some(path),
        mounted_file: PathBuf::from("/nonexistent/server.properties"),
        environment: environment.iter().map(own).collect(),
        overrides: overrides
            .iter()
            .map(own)
            .map(|(name, value)| Override {
                name,
                value,
                flag: "--override",
            })
            .collect(),
    };
    load(&inputs, &machine())
}

/// The one problem of a file, without the folder it lies in.
fn refusal(file: &str) -> String {
    let text = from(file).unwrap_err().to_string();
    let at = text.find("server.properties").map_or(0, |at| at);
    text[at..].to_owned()
}

#[test]
fn nothing_given_is_a_whole_configuration() {
    let (settings, notices) = from("").unwrap();
    assert_eq!(notices, []);
    assert_eq!((settings.node_id, settings.shards), (1, 6));
    assert_eq!(settings.data_dir, PathBuf::from("./millrace-data"));
    assert_eq!(settings.metadata_dir, settings.data_dir);
    assert_eq!(settings.durability, Durability::Durable);
    assert_eq!(settings.listeners.len(), 1);
    assert_eq!(
        settings.listeners[0].endpoint.to_string(),
        "PLAINTEXT://127.0.0.1:9092"
    );
    assert_eq!(advertised(&settings.listeners[0]), "127.0.0.1:9092");
    assert_eq!(settings.topics.defaults.segment_bytes, 1 << 30);
    assert_eq!(
        settings.limits.connection_idle_max,
        Some(Duration::from_secs(600))
    );
}

#[test]
fn the_command_line_beats_the_environment_beats_the_file() {
    let file = "num.partitions=2\ndefault.replication.factor=2\nmessage.max.bytes=20\n";
    let environment = [
        ("KAFKA_NUM_PARTITIONS", "3"),
        ("KAFKA_MESSAGE_MAX_BYTES", "30"),
    ];
    let overrides = [("num.partitions", "4"), ("num.partitions", "5")];
    let (settings, _) = load_with(file, &environment, &overrides).unwrap();
    assert_eq!(
        settings.topics.partitions_default, 5,
        "the last override counts"
    );
    assert_eq!(settings.topics.replication_factor_default, 2);
    assert_eq!(settings.topics.defaults.max_message_bytes, 30);
    let value = settings.value_of("message.max.bytes").unwrap();
    assert_eq!(value.source, Source::StaticBroker);
    let place = Place::Environment("KAFKA_MESSAGE_MAX_BYTES".to_owned());
    assert_eq!(value.place, Some(&place));
}

#[test]
fn the_file_given_beats_the_mounted_file() {
    let folder = tempfile::tempdir().unwrap();
    let (mounted, given) = (folder.path().join("mounted"), folder.path().join("given"));
    fs::write(&mounted, "num.partitions=7\nnode.id=9\n").unwrap();
    fs::write(&given, "num.partitions=8\n").unwrap();
    let mut inputs = Inputs {
        file: Some(given),
        mounted_file: mounted,
        environment: Vec::new(),
        overrides: Vec::new(),
    };
    let (settings, _) = load(&inputs, &machine()).unwrap();
    assert_eq!(
        (settings.topics.partitions_default, settings.node_id),
        (8, 9)
    );
    inputs.file = Some(folder.path().join("missing"));
    let error = load(&inputs, &machine()).unwrap_err();
    assert!(matches!(error, ConfigError::Unreadable { .. }), "{error}");
}

#[test]
fn a_file_that_is_no_configuration_is_refused_by_its_length() {
    let error = from(&"x".repeat(2 << 20)).unwrap_err();
    assert!(
        matches!(
            error,
            ConfigError::TooLong {
                bytes: 2_097_152,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn an_unknown_name_is_refused_with_line_and_suggestion() {
    let expected = "server.properties:3: log.retention.hour: unknown name; did you mean \
                    log.retention.hours?";
    assert_eq!(refusal("# c\n\nlog.retention.hour=1\n"), expected);
    assert!(refusal("shoe.size=44").contains("unknown name; `millrace config --doc`"));
    let topics = refusal("retention.ms=5");
    assert!(topics.ends_with("is a setting of topics: for all topics write log.retention.ms"));
}

#[test]
fn every_problem_of_a_file_is_told_at_once() {
    let text = refusal("num.partitions=0\nlog.retention.hours=7d\nshoe.size=1\n");
    assert_eq!(text.lines().count(), 3, "{text}");
    assert!(text.contains(":1: num.partitions = \"0\": out of range, expected int, at least 1"));
    assert!(text.contains(":2: log.retention.hours = \"7d\": expected int; write 168"));
}

#[test]
fn a_wrong_password_value_is_not_shown() {
    let text = refusal("listeners=SSL://:9093\nssl.keystore.password=hunter2\n");
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn what_this_version_cannot_do_is_refused_with_the_reason() {
    let cases = [
        (
            "listeners=SSL://:9093",
            "listener SSL asks for SSL; this version serves PLAINTEXT only",
        ),
        ("listeners=SASL_SSL://:9093", "asks for SASL_SSL"),
        (
            "security.inter.broker.protocol=SSL",
            "speaks PLAINTEXT only",
        ),
        (
            "controller.quorum.voters=1@a:1,2@b:1",
            "the only voter is this node",
        ),
        (
            "controller.quorum.voters=2@a:1",
            "voter 2 is not this node, 1",
        ),
        ("controller.quorum.voters=a:1", "expected id@host:port"),
        (
            "controller.quorum.bootstrap.servers=a:1,b:1",
            "the only member is this node",
        ),
        ("process.roles=broker", "separate brokers and controllers"),
        ("log.dirs=/a,/b", "2 directories"),
        (
            "authorizer.class.name=org.example.Mine",
            "access control is not in this version",
        ),
        (
            "create.topic.policy.class.name=org.example.Mine",
            "Java classes cannot be loaded",
        ),
        (
            "remote.log.storage.system.enable=true",
            "tiered storage is not in this version",
        ),
        ("config.providers=env", "not read in this version"),
    ];
    for (file, expected) in cases {
        let text = refusal(file);
        assert!(text.contains(expected), "{file}: {text}");
        assert!(text.starts_with("server.properties:1: "), "{file}: {text}");
    }
}

#[test]
fn values_that_contradict_each_other_are_refused() {
    let cases = [
        ("node.id=1\nbroker.id=2", "differs from node.id = 1"),
        (
            "listeners=A://:1",
            "add A:PLAINTEXT to listener.security.protocol.map",
        ),
        (
            "listeners=PLAINTEXT://:9092,PLAINTEXT://:9093",
            "stands twice",
        ),
        (
            "listeners=A://:9092,B://h:9092\nlistener.security.protocol.map=A:PLAINTEXT,B:PLAINTEXT",
            "A and B have the same address",
        ),
        ("listeners=9092", "is not NAME://host:port"),
        ("listeners=", "list that is not empty"),
        (
            "advertised.listeners=PLAINTEXT://0.0.0.0:9092",
            "cannot be connected to",
        ),
        (
            "advertised.listeners=OTHER://h:9092",
            "OTHER is not among listeners",
        ),
        (
            "inter.broker.listener.name=OTHER",
            "is not among the listeners",
        ),
        (
            "inter.broker.listener.name=PLAINTEXT\nsecurity.inter.broker.protocol=PLAINTEXT",
            "cannot be given together",
        ),
        (
            "listeners=CONTROLLER://:9093\ncontroller.listener.names=CONTROLLER",
            "no listener is left for clients",
        ),
        (
            "queued.max.request.bytes=5",
            "must be at least socket.request.max.bytes",
        ),
        (
            "millrace.request.memory.bytes=1MiB",
            "must be at least socket.request.max.bytes",
        ),
        ("max.connections.per.ip.overrides=a", "is not address:count"),
        ("cluster.id=a b", "at most 64 letters"),
        ("log.dirs=,", "names no directory"),
    ];
    for (file, expected) in cases {
        let text = refusal(file);
        assert!(text.contains(expected), "{file}: {text}");
    }
}

#[test]
fn names_without_meaning_here_are_accepted_and_told_once_a_reason() {
    let file = "num.network.threads=3\nnum.io.threads=8\nzookeeper.connect=zk:2181\n\
                group.share.enable=true\nauto.create.topics.enable=false\n";
    let (settings, notices) = from(file).unwrap();
    assert!(!settings.topics.auto_create);
    let texts: Vec<_> = notices.iter().map(ToString::to_string).collect();
    assert_eq!(texts.len(), 3, "{texts:#?}");
    let threads = texts
        .iter()
        .find(|text| text.contains("thread pools"))
        .unwrap();
    assert!(threads.contains("num.io.threads (") && threads.contains("num.network.threads ("));
    assert!(threads.contains("server.properties:2)"), "{threads}");
}

#[test]
fn an_unknown_variable_of_kafka_is_told_and_one_of_ours_is_refused() {
    let (_, notices) = load_with("", &[("KAFKA_NUM_PARTITION", "3")], &[]).unwrap();
    let text = notices[0].to_string();
    assert!(text.contains("environment KAFKA_NUM_PARTITION"), "{text}");
    assert!(text.contains("did you mean num.partitions?"), "{text}");
    let error = load_with("", &[("MILLRACE_SHARD", "3")], &[])
        .unwrap_err()
        .to_string();
    assert!(error.contains("did you mean millrace.shards?"), "{error}");
    let error = load_with("", &[("KAFKA_NUM_PARTITIONS", "x")], &[])
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("environment KAFKA_NUM_PARTITIONS: num.partitions"),
        "{error}"
    );
}

#[test]
fn the_sample_file_of_a_combined_node_is_accepted() {
    let file = "process.roles=broker,controller\nnode.id=1\n\
        controller.quorum.bootstrap.servers=localhost:9093\n\
        listeners=PLAINTEXT://:9092,CONTROLLER://:9093\ninter.broker.listener.name=PLAINTEXT\n\
        advertised.listeners=PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093\n\
        controller.listener.names=CONTROLLER\n\
        listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,\
        SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL\nnum.network.threads=3\n\
        socket.send.buffer.bytes=102400\nlog.dirs=/var/lib/kraft-combined-logs\n\
        num.partitions=1\nlog.retention.hours=168\nlog.segment.bytes=1073741824\n";
    let (settings, _) = from(file).unwrap();
    assert_eq!(settings.client_listeners().count(), 1);
    let [client, controller] = settings.listeners.as_slice() else {
        panic!("two listeners")
    };
    assert_eq!(advertised(client), "localhost:9092");
    assert!(client.endpoint.is_on_every_interface() && controller.controller);
    assert_eq!(
        settings.data_dir,
        PathBuf::from("/var/lib/kraft-combined-logs")
    );
}

#[test]
fn the_environment_of_a_test_container_is_accepted() {
    let environment = [
        ("CLUSTER_ID", "4L6g3nShT-eMCtK--X86sw"),
        (
            "KAFKA_LISTENERS",
            "PLAINTEXT://0.0.0.0:9092,BROKER://0.0.0.0:9093,CONTROLLER://0.0.0.0:9094",
        ),
        (
            "KAFKA_ADVERTISED_LISTENERS",
            "PLAINTEXT://localhost:32768,BROKER://c0ffee:9093",
        ),
        (
            "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP",
            "BROKER:PLAINTEXT,PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        ),
        ("KAFKA_INTER_BROKER_LISTENER_NAME", "BROKER"),
        ("KAFKA_CONTROLLER_LISTENER_NAMES", "CONTROLLER"),
        ("KAFKA_CONTROLLER_QUORUM_VOTERS", "1@localhost:9094"),
        ("KAFKA_PROCESS_ROLES", "broker,controller"),
        ("KAFKA_NODE_ID", "1"),
        ("KAFKA_BROKER_ID", "1"),
        ("KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR", "1"),
        ("KAFKA_TRANSACTION_STATE_LOG_MIN_ISR", "1"),
        ("KAFKA_LOG_FLUSH_INTERVAL_MESSAGES", "9223372036854775807"),
        ("KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS", "0"),
        ("KAFKA_CONFLUENT_SUPPORT_METRICS_ENABLE", "false"),
        ("KAFKA_ZOOKEEPER_CONNECT", "zookeeper:2181"),
        ("KAFKA_JMX_PORT", "9101"),
        ("ALLOW_PLAINTEXT_LISTENER", "yes"),
    ];
    let (settings, notices) = load_with("", &environment, &[]).unwrap();
    assert_eq!(
        settings.cluster_id.as_deref(),
        Some("4L6g3nShT-eMCtK--X86sw")
    );
    assert_eq!(settings.client_listeners().count(), 2);
    assert_eq!(advertised(&settings.listeners[0]), "localhost:32768");
    let text: String = notices.iter().map(|notice| format!("{notice}\n")).collect();
    assert!(!text.contains("unknown name"), "{text}");
}

#[test]
fn an_open_listener_advertises_the_host_and_an_advertised_one_opens_the_listener() {
    let (settings, _) = from("listeners=PLAINTEXT://:9092").unwrap();
    assert_eq!(advertised(&settings.listeners[0]), "box:9092");
    let (settings, _) = from("advertised.listeners=PLAINTEXT://kafka.example:29092").unwrap();
    assert_eq!(
        settings.listeners[0].endpoint.to_string(),
        "PLAINTEXT://:9092"
    );
    let environment = [("KAFKA_ADVERTISED_LISTENERS", "PLAINTEXT://localhost:29092")];
    let (settings, _) = load_with("", &environment, &[]).unwrap();
    assert_eq!(
        settings.listeners[0].endpoint.to_string(),
        "PLAINTEXT://0.0.0.0:29092"
    );
}

#[test]
fn values_of_our_own_take_units_and_older_names_work() {
    let file = "broker.id=4\nmillrace.tail.bytes=64MiB\nmillrace.shutdown.timeout.ms=5s\n\
        millrace.shards=2\nlog.dir=/d\nmillrace.durability=relaxed\nconnections.max.idle.ms=-1\n\
        max.connections.per.ip.overrides=10.0.0.1:5,[::1]:6\nqueued.max.request.bytes=200000000\n";
    let (settings, _) = from(file).unwrap();
    assert_eq!((settings.node_id, settings.shards), (4, 2));
    assert_eq!(settings.limits.tail_bytes, 64 << 20);
    assert_eq!(settings.shutdown_timeout, Duration::from_secs(5));
    assert_eq!(settings.data_dir, PathBuf::from("/d"));
    assert_eq!(settings.durability, Durability::Relaxed);
    assert_eq!(settings.limits.connection_idle_max, None);
    assert_eq!(
        settings.limits.connections_per_ip_overrides[1],
        ("::1".to_owned(), 6)
    );
    assert_eq!(settings.limits.request_memory_bytes, 200_000_000);
}

#[test]
fn a_dynamic_value_takes_effect_and_a_wrong_one_does_not() {
    let (settings, _) = from("message.max.bytes=20").unwrap();
    let dynamic = |text: &str| [("message.max.bytes".to_owned(), text.to_owned())].into();
    let changed = settings
        .with_dynamic(&dynamic("30"), &dynamic("40"))
        .unwrap();
    assert_eq!(changed.topics.defaults.max_message_bytes, 40);
    assert_eq!(
        changed.value_of("message.max.bytes").unwrap().source,
        Source::DynamicBroker
    );
    let problems = settings
        .with_dynamic(&dynamic("-3"), &[].into())
        .unwrap_err();
    assert!(
        problems[0]
            .to_string()
            .starts_with("dynamic configuration: message.max.bytes")
    );
}
