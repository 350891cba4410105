//! Metrics and telemetry.

use super::{ANY, HONOURED, METRICS, ONE, settings};
use crate::config::setting::{Range, Treatment};

const REPORTERS: Treatment =
    Treatment::Ignored("metrics reporters are Java classes, and there is no JVM in this process");

settings! { MONITORING:
Int "metrics.num.samples" = "2", ONE, ReadOnly, METRICS,
    "Samples kept for a measured rate.";
Long "metrics.sample.window.ms" = "30000", ONE, ReadOnly, METRICS,
    "Length of a sample.";
List "metric.reporters" = "org.apache.kafka.common.metrics.JmxReporter", ANY, ClusterWide, REPORTERS,
    "Java classes that report metrics.";
String "metrics.recording.level" = "INFO", Range::OneOf(&["INFO", "DEBUG", "TRACE"]), ReadOnly, METRICS,
    "How detailed metrics are.";
List "kafka.metrics.reporters" = "", ANY, ReadOnly, REPORTERS,
    "Java classes that report metrics of an older kind.";
Int "kafka.metrics.polling.interval.secs" = "10", ONE, ReadOnly, REPORTERS,
    "How often they report.";
Int "telemetry.max.bytes" = "1048576", ONE, ReadOnly, HONOURED,
    "Largest message of client metrics.";
}
