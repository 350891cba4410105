//! A driver file of the OpenMessaging Benchmark for Kafka: client settings beside a workload.
//! Pure, but for reading the file. What is about that benchmark's own JVM is passed over.

use std::path::Path;

use serde::Deserialize;

use super::{Settings, Workload, knobs};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Driver {
    replication_factor: Option<i16>,
    topic_config: String,
    common_config: String,
    producer_config: String,
    consumer_config: String,
}

/// Puts a driver file's settings into the workload; returns the bootstrap servers that it names.
pub(crate) fn apply(path: &Path, workload: &mut Workload) -> Result<Option<String>, String> {
    let text = std::fs::read_to_string(path);
    let text = text.map_err(|error| format!("{}: {error}", path.display()))?;
    merge(&text, workload).map_err(|error| format!("{}: {error}", path.display()))
}

fn merge(text: &str, workload: &mut Workload) -> Result<Option<String>, String> {
    let driver: Driver = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
    if driver.replication_factor.is_some() {
        workload.replication_factor = driver.replication_factor;
    }
    let mut common: Settings = knobs::properties(&driver.common_config)?;
    let bootstrap = common.remove("bootstrap.servers");
    workload
        .topic_config
        .extend(knobs::properties(&driver.topic_config)?);
    for (own, settings) in [
        (&driver.producer_config, &mut workload.producer_config),
        (&driver.consumer_config, &mut workload.consumer_config),
    ] {
        settings.extend(common.clone());
        settings.extend(knobs::properties(own)?);
    }
    Ok(bootstrap)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_driver_files_settings_reach_the_workload() {
        let text = "
name: Kafka
driverClass: io.openmessaging.benchmark.driver.kafka.KafkaBenchmarkDriver
replicationFactor: 3
reset: true
topicConfig: |
  min.insync.replicas=2
commonConfig: |
  bootstrap.servers=localhost:9092
producerConfig: |
  acks=all
  linger.ms=1
  batch.size=1048576
consumerConfig: |
  auto.offset.reset=earliest
  enable.auto.commit=false
";
        let mut workload = Workload::default();
        let bootstrap = merge(text, &mut workload).unwrap();
        assert_eq!(bootstrap.as_deref(), Some("localhost:9092"));
        assert_eq!(workload.replication_factor, Some(3));
        assert_eq!(workload.topic_config["min.insync.replicas"], "2");
        assert_eq!(workload.producer_config["batch.size"], "1048576");
        assert_eq!(workload.consumer_config["auto.offset.reset"], "earliest");
        assert!(workload.check().is_ok());
    }
}
