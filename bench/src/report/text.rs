//! The outcome as a screen of text. Pure.

use std::fmt::{self, Write};

use crate::measure::latencies::Latencies;
use crate::run::outcome::{Ended, Outcome};
use crate::run::search::Found;
use crate::run::verify::Verified;

/// The outcome of a run.
pub(crate) fn of_run(outcome: &Outcome) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = write_run(&mut text, outcome);
    text
}

fn write_run(out: &mut String, outcome: &Outcome) -> fmt::Result {
    let (counts, series) = (&outcome.counts, &outcome.series);
    writeln!(out, "{}", headline(outcome))?;
    if outcome.target.cluster_id.is_some() {
        writeln!(out, "{}", target(outcome))?;
    }
    writeln!(out)?;
    if counts.acked > 0 || counts.sent > 0 {
        writeln!(
            out,
            "produced   {:>12} records in {} requests, {:.2} s: {:.0} records/s, {:.2} MB/s",
            counts.acked,
            counts.requests,
            outcome.seconds,
            outcome.records_rate(),
            outcome.bytes_rate() / 1e6
        )?;
    }
    if counts.received > 0 || outcome.workload.subscriptions_per_topic > 0 {
        writeln!(
            out,
            "consumed   {:>12} records in {} answers: {:.0} records/s, {:.2} MB/s",
            counts.received,
            counts.fetches,
            outcome.received_rate(),
            outcome.received_bytes_rate() / 1e6
        )?;
    }
    if counts.transactions > 0 {
        let rate = outcome.per_second(counts.transactions as f64);
        writeln!(out, "transactions {:>10}: {rate:.0}/s", counts.transactions)?;
    }
    writeln!(
        out,
        "\nlatency, ms          p50       p90       p99     p99.9    p99.99       max"
    )?;
    for (name, latencies) in [
        ("response time", &series.response),
        ("service time", &series.service),
        ("end to end", &series.end_to_end),
        ("schedule slip", &series.slip),
        ("fetch", &series.fetch),
        ("transaction", &series.transaction),
    ] {
        if !latencies.is_empty() && (name != "schedule slip" || !outcome.workload.is_closed()) {
            writeln!(out, "{name:<14}{}", figures(latencies))?;
        }
    }
    write_cost(out, outcome)?;
    write_account(out, outcome)?;
    write_notes(out, outcome)
}

fn headline(outcome: &Outcome) -> String {
    let workload = &outcome.workload;
    let load = if workload.producers_per_topic == 0 {
        "read only".to_owned()
    } else if workload.is_closed() {
        "closed load".to_owned()
    } else {
        let arrivals = format!("{:?}", workload.arrivals).to_lowercase();
        format!(
            "open load, {:.0} records/s {arrivals}",
            workload.producer_rate
        )
    };
    let readers = workload.subscriptions_per_topic * workload.consumer_per_subscription;
    let settings = workload.producer_config.iter();
    let settings: Vec<String> = settings
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    format!(
        "{}: {load}; {} topics of {} partitions, {} producers, {} consumers{}, {} B values; {}",
        workload.name,
        workload.topics(),
        workload.partitions_per_topic,
        workload.producers(),
        readers * workload.topics(),
        if workload.groups { " in groups" } else { "" },
        workload.sizes(),
        if settings.is_empty() {
            "client defaults".to_owned()
        } else {
            settings.join(" ")
        }
    )
}

fn target(outcome: &Outcome) -> String {
    let target = &outcome.target;
    let level = target.features.get("metadata.version");
    let level = level.map_or(String::new(), |level| format!(", metadata.version {level}"));
    format!(
        "{}: cluster {}, {} brokers{level}",
        target.bootstrap,
        target.cluster_id.as_deref().unwrap_or("without an id"),
        target.brokers
    )
}

fn figures(latencies: &Latencies) -> String {
    let quantiles = [0.5, 0.9, 0.99, 0.999, 0.9999];
    let at = quantiles.iter().map(|quantile| latencies.at(*quantile));
    let all: Vec<u64> = at.chain([latencies.max()]).collect();
    let column = |micros: &u64| format!("{:>10.3}", *micros as f64 / 1000.0);
    all.iter().map(column).collect()
}

fn write_cost(out: &mut String, outcome: &Outcome) -> fmt::Result {
    let per = |amount: f64, unit: f64| if unit > 0.0 { amount / unit } else { 0.0 };
    let (millions, gigabytes) = (outcome.records() as f64 / 1e6, outcome.bytes() as f64 / 1e9);
    writeln!(out)?;
    if let Some(broker) = &outcome.broker {
        let cpu = broker.cpu_seconds();
        writeln!(
            out,
            "broker     {cpu:.2} CPU s ({:.2} user, {:.2} system), {:.0} % of a core: {:.3} s per million records, {:.3} s per GB",
            broker.user_seconds,
            broker.system_seconds,
            outcome.per_second(cpu) * 100.0,
            per(cpu, millions),
            per(cpu, gigabytes)
        )?;
        let switches = broker.voluntary_switches + broker.involuntary_switches;
        writeln!(
            out,
            "           RSS {:.0} MiB (peak {:.0}), {:.0} context switches a second, {:.2} bytes written to disk per byte produced",
            mebi(broker.rss_bytes),
            mebi(broker.peak_rss_bytes),
            outcome.per_second(switches as f64),
            per(
                broker.written_bytes as f64,
                outcome.counts.acked_bytes as f64
            )
        )?;
    }
    writeln!(
        out,
        "generator  {:.2} CPU s, {:.0} % of its {} cores",
        outcome.generator.cpu_seconds(),
        outcome.generator_share() * 100.0,
        outcome.threads
    )
}

fn mebi(bytes: u64) -> f64 {
    bytes as f64 / 1_048_576.0
}

fn write_account(out: &mut String, outcome: &Outcome) -> fmt::Result {
    let verdict = &outcome.verdict;
    if !outcome.is_accounted {
        return writeln!(
            out,
            "account    {} acknowledged in all, {} failed{}",
            verdict.acked,
            outcome.counts.failed,
            if outcome.workload.subscriptions_per_topic == 0 {
                "; nobody read them"
            } else {
                ""
            }
        );
    }
    writeln!(
        out,
        "account    {} acknowledged, {} received: {} lost, {} duplicated, {} out of order, {} damaged, {} unconfirmed",
        verdict.acked,
        verdict.received,
        verdict.lost,
        verdict.duplicated,
        verdict.out_of_order,
        verdict.damaged,
        verdict.unconfirmed
    )?;
    if outcome.has_unstamped {
        writeln!(
            out,
            "           (values below 28 bytes carry no number and are only counted)"
        )?;
    }
    Ok(())
}

fn write_notes(out: &mut String, outcome: &Outcome) -> fmt::Result {
    if outcome.is_generator_busy() {
        writeln!(
            out,
            "note: the generator was busy; it may have been the limit itself (--threads)"
        )?;
    }
    if outcome.ended == Ended::Interrupted {
        writeln!(
            out,
            "note: the run was interrupted; the figures are of its part"
        )?;
    }
    for (why, count) in &outcome.failures.words {
        writeln!(out, "error, {count} times: {why}")?;
    }
    for complaint in outcome.complaints() {
        writeln!(out, "WRONG: {complaint}")?;
    }
    Ok(())
}

/// What a search has found.
pub(crate) fn of_search(found: &Found) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = write_search(&mut text, found);
    text
}

fn write_search(out: &mut String, found: &Found) -> fmt::Result {
    writeln!(
        out,
        "offered/s    acked/s     MB/s   p50 ms   p99 ms  p99.9 ms   max ms  broker CPU  {}",
        found.slo
    )?;
    for (place, step) in found.steps.iter().enumerate() {
        let outcome = &step.outcome;
        let response = &outcome.series.response;
        let ms = |micros: u64| micros as f64 / 1000.0;
        let cpu = outcome.broker.map_or_else(
            || "-".to_owned(),
            |broker| format!("{:.0} %", outcome.per_second(broker.cpu_seconds()) * 100.0),
        );
        let verdict = step.missed.as_deref().unwrap_or("good");
        let mark = if found.best == Some(place) {
            " <- the highest"
        } else {
            ""
        };
        writeln!(
            out,
            "{:>9.0} {:>10.0} {:>8.2} {:>8.2} {:>8.2} {:>9.2} {:>8.2} {:>11}  {verdict}{mark}",
            step.offered,
            outcome.records_rate(),
            outcome.bytes_rate() / 1e6,
            ms(response.at(0.5)),
            ms(response.at(0.99)),
            ms(response.at(0.999)),
            ms(response.max()),
            cpu
        )?;
    }
    match found.best.and_then(|best| found.steps.get(best)) {
        Some(best) => writeln!(
            out,
            "\n{:.0} records/s are the highest rate with {}",
            best.offered, found.slo
        ),
        None => writeln!(out, "\nno rate that was tried has {}", found.slo),
    }
}

/// What a verification has found.
pub(crate) fn of_verification(verified: &Verified) -> String {
    let mut text = of_run(&verified.first);
    if let Some(again) = &verified.again {
        text.push_str(&format!(
            "read again {} received: {} lost, {} duplicated, {} out of order, {} damaged\n",
            again.received, again.lost, again.duplicated, again.out_of_order, again.damaged
        ));
    }
    text.push_str(&format!(
        "at random  {} places read\n",
        verified.random_reads
    ));
    if !verified.groups {
        text.push_str("note: without consumer groups\n");
    }
    let complaints = verified.complaints();
    for complaint in &complaints {
        text.push_str(&format!("WRONG: {complaint}\n"));
    }
    if complaints.is_empty() {
        text.push_str("verified: nothing is wrong\n");
    }
    text
}
