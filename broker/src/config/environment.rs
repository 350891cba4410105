//! Environment variables as settings, as Kafka's container images map them: `KAFKA_` (or
//! `KAFKA_CFG_`), then `_` is a dot, `__` an underscore and `___` a dash. `MILLRACE_X` is
//! `millrace.x`. Pure; the variables are a parameter.
//!
//! Unlike a file, the environment also carries what others put there (service links, JVM options),
//! so an unknown `KAFKA_` name is told, not refused (`notices`).

/// What one variable says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Assignment {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) variable: String,
}

/// The settings in the environment, weaker ones first: `KAFKA_CFG_`, `KAFKA_`, `MILLRACE_`.
pub(crate) fn assignments(variables: &[(String, String)]) -> Vec<Assignment> {
    let mut found: Vec<(u8, Assignment)> = Vec::new();
    let mut add = |rank: u8, name: String, value: &str, variable: &str| {
        let (value, variable) = (value.to_owned(), variable.to_owned());
        found.push((
            rank,
            Assignment {
                name,
                value,
                variable,
            },
        ));
    };
    for (variable, value) in variables {
        if variable == "CLUSTER_ID" {
            add(0, "cluster.id".to_owned(), value, variable);
        } else if variable == "MILLRACE_LOG" {
            add(4, "millrace.log.level".to_owned(), value, variable);
        } else if is_meant_for_others(variable) {
        } else if let Some(rest) = variable.strip_prefix("KAFKA_CFG_") {
            add(1, property_name(rest), value, variable);
        } else if let Some(rest) = variable.strip_prefix("KAFKA_") {
            add(2, property_name(rest), value, variable);
        } else if let Some(rest) = variable.strip_prefix("MILLRACE_") {
            let name = format!("millrace.{}", property_name(rest));
            add(3, name, value, variable);
        }
    }
    if let Some(filter) = log_filter(variables) {
        add(
            2,
            "millrace.log.level".to_owned(),
            &filter,
            "KAFKA_LOG4J_ROOT_LOGLEVEL",
        );
    }
    found.sort_by_key(|(rank, _)| *rank);
    let mut assignments: Vec<_> = found
        .into_iter()
        .map(|(_, assignment)| assignment)
        .collect();
    add_listeners(&mut assignments);
    assignments
}

fn property_name(upper: &str) -> String {
    let mut name = String::with_capacity(upper.len());
    let mut rest = upper;
    while let Some(c) = rest.chars().next() {
        let underscores = rest.bytes().take_while(|byte| *byte == b'_').count();
        if underscores == 0 {
            name.push(c.to_ascii_lowercase());
            rest = &rest[c.len_utf8()..];
        } else {
            let run = underscores.min(3);
            name.push(['.', '_', '-'][run - 1]);
            rest = &rest[run..];
        }
    }
    name
}

/// Variables of the JVM and of images, and the service links that Kubernetes sets for a service
/// called kafka or millrace.
fn is_meant_for_others(variable: &str) -> bool {
    const OTHERS: &[&str] = &[
        "KAFKA_OPTS",
        "KAFKA_HEAP_OPTS",
        "KAFKA_JVM_PERFORMANCE_OPTS",
        "KAFKA_JMX_OPTS",
        "KAFKA_JMX_PORT",
        "KAFKA_JMX_HOSTNAME",
        "KAFKA_LOG4J_OPTS",
        "KAFKA_LOG4J_ROOT_LOGLEVEL",
        "KAFKA_LOG4J_LOGGERS",
        "KAFKA_TOOLS_LOG4J_LOGLEVEL",
        "KAFKA_GC_LOG_OPTS",
        "KAFKA_HOME",
        "KAFKA_VERSION",
        "KAFKA_DEBUG",
        "KAFKA_ENABLE_KRAFT",
        "KAFKA_KRAFT_CLUSTER_ID",
        "KAFKA_PORT",
        "MILLRACE_PORT",
    ];
    if OTHERS.contains(&variable) {
        return true;
    }
    let Some(rest) = variable
        .strip_prefix("KAFKA_")
        .or_else(|| variable.strip_prefix("MILLRACE_"))
    else {
        return false;
    };
    rest == "SERVICE_HOST"
        || rest.starts_with("SERVICE_PORT")
        || rest.starts_with("PORT_") && (rest.contains("_TCP") || rest.contains("_UDP"))
}

/// Listeners follow the advertised ones, on every interface, when only those are given.
fn add_listeners(assignments: &mut Vec<Assignment>) {
    if assignments
        .iter()
        .any(|assignment| assignment.name == "listeners")
    {
        return;
    }
    let advertised = assignments
        .iter()
        .rfind(|a| a.name == "advertised.listeners");
    let Some(Assignment {
        value, variable, ..
    }) = advertised.cloned()
    else {
        return;
    };
    let value = value
        .split(',')
        .map(on_every_interface)
        .collect::<Vec<_>>()
        .join(",");
    assignments.push(Assignment {
        name: "listeners".to_owned(),
        value,
        variable,
    });
}

fn on_every_interface(advertised: &str) -> String {
    match (advertised.split_once("://"), advertised.rsplit_once(':')) {
        (Some((name, _)), Some((_, port))) => format!("{}://0.0.0.0:{port}", name.trim()),
        _ => advertised.to_owned(),
    }
}

/// Log4j's levels as a filter of ours. Loggers that have no counterpart here are left out.
fn log_filter(variables: &[(String, String)]) -> Option<String> {
    let value = |wanted: &str| {
        variables
            .iter()
            .find(|(name, _)| name == wanted)
            .map(|(_, value)| value.as_str())
    };
    let root = value("KAFKA_LOG4J_ROOT_LOGLEVEL").and_then(log_level);
    let loggers = value("KAFKA_LOG4J_LOGGERS")
        .unwrap_or_default()
        .split(',')
        .filter_map(|pair| {
            let (logger, level) = pair.split_once('=')?;
            Some(format!(
                "{}={}",
                log_target(logger.trim())?,
                log_level(level)?
            ))
        });
    let loggers: Vec<String> = loggers.collect();
    if root.is_none() && loggers.is_empty() {
        return None;
    }
    let mut filter = root.unwrap_or("info").to_owned();
    for logger in loggers {
        filter.push(',');
        filter.push_str(&logger);
    }
    Some(filter)
}

fn log_level(level: &str) -> Option<&'static str> {
    match level.trim().to_ascii_uppercase().as_str() {
        "ALL" | "TRACE" => Some("trace"),
        "DEBUG" => Some("debug"),
        "INFO" => Some("info"),
        "WARN" => Some("warn"),
        "ERROR" | "FATAL" => Some("error"),
        "OFF" => Some("off"),
        _ => None,
    }
}

fn log_target(logger: &str) -> Option<&'static str> {
    match logger {
        "kafka" | "org.apache.kafka" => Some("millrace"),
        "kafka.controller" | "org.apache.kafka.controller" => Some("millrace::controller"),
        "kafka.network.RequestChannel$" | "kafka.request.logger" => Some("millrace::api"),
        "kafka.log" | "kafka.log.LogCleaner" => Some("storage"),
        "org.apache.kafka.raft" => Some("raft"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(variables: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned: Vec<_> = variables
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
            .collect();
        assignments(&owned)
            .into_iter()
            .map(|a| (a.name, a.value))
            .collect()
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn underscores_become_dots_underscores_and_dashes() {
        assert_eq!(
            property_name("AUTO_CREATE_TOPICS_ENABLE"),
            "auto.create.topics.enable"
        );
        assert_eq!(property_name("A__B___C"), "a_b-c");
        assert_eq!(property_name("A____B"), "a-.b");
    }

    #[test]
    fn the_plain_prefix_beats_the_alias() {
        let found = map(&[
            ("KAFKA_NUM_PARTITIONS", "3"),
            ("KAFKA_CFG_NUM_PARTITIONS", "2"),
        ]);
        assert_eq!(
            found,
            [pair("num.partitions", "2"), pair("num.partitions", "3")]
        );
    }

    #[test]
    fn own_settings_have_their_own_prefix() {
        assert_eq!(
            map(&[("MILLRACE_TAIL_BYTES", "64MiB")]),
            [pair("millrace.tail.bytes", "64MiB")]
        );
        assert_eq!(map(&[("CLUSTER_ID", "abc")]), [pair("cluster.id", "abc")]);
    }

    #[test]
    fn variables_of_others_are_left_alone() {
        let others = [
            ("KAFKA_HEAP_OPTS", "-Xmx1g"),
            ("KAFKA_PORT", "tcp://10.0.0.1:9092"),
            ("KAFKA_PORT_9092_TCP_ADDR", "10.0.0.1"),
            ("KAFKA_SERVICE_HOST", "10.0.0.1"),
            ("MILLRACE_SERVICE_PORT_KAFKA", "9092"),
            ("PATH", "/bin"),
        ];
        assert_eq!(map(&others), []);
    }

    #[test]
    fn listeners_follow_the_advertised_ones() {
        let found = map(&[("KAFKA_ADVERTISED_LISTENERS", "A://host:9092,B://[::1]:9093")]);
        assert_eq!(
            found[1],
            pair("listeners", "A://0.0.0.0:9092,B://0.0.0.0:9093")
        );
        let both = [
            ("KAFKA_ADVERTISED_LISTENERS", "A://h:1"),
            ("KAFKA_LISTENERS", "A://:2"),
        ];
        assert_eq!(map(&both).len(), 2);
    }

    #[test]
    fn log4j_levels_become_a_filter_and_our_own_variable_beats_it() {
        let found = map(&[
            ("MILLRACE_LOG", "trace"),
            ("KAFKA_LOG4J_ROOT_LOGLEVEL", "WARN"),
            (
                "KAFKA_LOG4J_LOGGERS",
                "kafka.controller=DEBUG,com.example=INFO",
            ),
        ]);
        let filter = "warn,millrace::controller=debug";
        assert_eq!(
            found,
            [
                pair("millrace.log.level", filter),
                pair("millrace.log.level", "trace")
            ]
        );
    }
}
