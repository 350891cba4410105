//! The report as one page that needs nothing else: figures, charts, the account, the
//! environment. Pure. Follows the reader's preference for light or dark.

use std::fmt::Write;

use super::json::{CostFigures, Report, Second, named};
use super::svg::{self, Axes, Line, Scale, escaped, short};
use crate::measure::interval::Series;
use crate::measure::latencies::{Latencies, QUANTILES};
use crate::run::timeline::row_begin;

/// The style of all pages.
pub(crate) const STYLE: &str = "
:root{color-scheme:light dark;--back:#fbfbfa;--card:#fff;--text:#1d2327;--soft:#66707a;--line:#e3e6e8;
--c0:#0b6bcb;--c1:#d9480f;--c2:#2b8a3e;--c3:#8f3fbf;--c4:#b8860b;--c5:#0c8599;--bad:#c92a2a;--good:#2b8a3e}
@media (prefers-color-scheme:dark){:root{--back:#15181b;--card:#1d2226;--text:#e6e9eb;--soft:#97a1aa;--line:#30373d;
--c0:#5aa9f5;--c1:#ff8a50;--c2:#69c67c;--c3:#c58af0;--c4:#e5b94e;--c5:#4fc3d4;--bad:#ff7b7b;--good:#69c67c}}
*{box-sizing:border-box}body{margin:0 auto;padding:24px;max-width:1560px;background:var(--back);color:var(--text);
font:15px/1.45 system-ui,-apple-system,'Segoe UI',sans-serif}
h1{font-size:24px;margin:0 0 4px}h2{font-size:17px;margin:28px 0 10px}p{margin:4px 0}.soft{color:var(--soft)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(170px,1fr));gap:12px;margin:18px 0}
.tile,.card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:12px 14px}
.tile b{display:block;font-size:22px;font-weight:600}.tile span{color:var(--soft);font-size:13px}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(560px,100%),1fr));gap:14px}
svg{width:100%;height:auto;display:block}svg text{fill:var(--text);font:12px system-ui,sans-serif}
svg .title{font-size:14px;font-weight:600}svg .tick{fill:var(--soft);font-size:11px}.end{text-anchor:end}.middle{text-anchor:middle}
.grid{stroke:var(--line);stroke-width:1}.line{fill:none;stroke-width:1.8;stroke-linejoin:round}.heat{fill:var(--c0)}
.c0{stroke:var(--c0)}.c1{stroke:var(--c1)}.c2{stroke:var(--c2)}.c3{stroke:var(--c3)}.c4{stroke:var(--c4)}.c5{stroke:var(--c5)}
.f0{fill:var(--c0)}.f1{fill:var(--c1)}.f2{fill:var(--c2)}.f3{fill:var(--c3)}.f4{fill:var(--c4)}.f5{fill:var(--c5)}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{padding:5px 10px;border-bottom:1px solid var(--line);text-align:right;white-space:nowrap}
th:first-child,td:first-child{text-align:left}th{color:var(--soft);font-weight:500}
pre{overflow:auto;margin:0;font:12px/1.5 ui-monospace,monospace}.bad{color:var(--bad)}.good{color:var(--good)}
details{margin-top:10px}summary{cursor:pointer}";

pub(crate) fn page(report: &Report, series: &Series) -> String {
    let mut body = String::new();
    // Writing to a string does not fail.
    let _ = write!(
        body,
        "<h1>{}</h1><p class=\"soft\">{} at {}</p><p class=\"soft\">{}</p>",
        escaped(&report.workload.name),
        escaped(&load_line(report)),
        escaped(&report.target.bootstrap),
        escaped(&report.environment.to_line())
    );
    write_complaints(&mut body, report);
    write_tiles(&mut body, report);
    body.push_str("<h2>Charts</h2><div class=\"charts\">");
    for chart in charts(report, series) {
        if !chart.is_empty() {
            let _ = write!(body, "<div class=\"card\">{chart}</div>");
        }
    }
    body.push_str("</div>");
    write_latencies(&mut body, series);
    write_account(&mut body, report);
    write_costs(&mut body, report);
    write_details(&mut body, report);
    whole_page(&report.workload.name, &body)
}

/// A page around a body.
pub(crate) fn whole_page(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <title>{}</title><style>{STYLE}</style></head><body>{body}</body></html>\n",
        escaped(title)
    )
}

fn load_line(report: &Report) -> String {
    let own = &report.workload;
    let load = if own.producers_per_topic == 0 {
        "reading only".to_owned()
    } else if own.is_closed() {
        "closed load".to_owned()
    } else {
        format!("open load of {} records/s", short(own.producer_rate))
    };
    format!(
        "{load}, {} topics of {} partitions, {} producers, {} subscriptions of {} consumers, values of {} B",
        own.topics(),
        own.partitions_per_topic,
        own.producers(),
        own.subscriptions_per_topic,
        own.consumer_per_subscription,
        own.sizes()
    )
}

fn write_complaints(body: &mut String, report: &Report) {
    for complaint in &report.complaints {
        let _ = write!(body, "<p class=\"bad\">Wrong: {}</p>", escaped(complaint));
    }
    if report.ended == "interrupted" {
        body.push_str("<p class=\"bad\">The run was interrupted: the figures are of its part.</p>");
    }
    if report.generator_share > 0.8 {
        body.push_str("<p class=\"bad\">The generator was busy: it may have been the limit.</p>");
    }
}

fn write_tiles(body: &mut String, report: &Report) {
    let ms = |kind: &str, quantile: &str| {
        let micros = report.latency(kind, quantile);
        micros.map(|micros| format!("{:.2} ms", micros / 1000.0))
    };
    let broker = report.broker.as_ref();
    let tiles = [
        ("records a second", Some(short(report.records_per_second))),
        ("MB a second", Some(short(report.mb_per_second))),
        ("response time, p50", ms("response", "p50")),
        ("response time, p99", ms("response", "p99")),
        ("response time, p99.9", ms("response", "p99.9")),
        ("end to end, p99", ms("end_to_end", "p99")),
        (
            "broker CPU s per million records",
            broker.map(|cost| format!("{:.3}", cost.cpu_seconds_per_million_records)),
        ),
        (
            "broker CPU s per GB",
            broker.map(|cost| format!("{:.3}", cost.cpu_seconds_per_gb)),
        ),
        (
            "broker memory",
            broker.map(|cost| format!("{:.0} MiB", mebi(cost.rss_bytes))),
        ),
    ];
    body.push_str("<div class=\"tiles\">");
    for (name, value) in tiles {
        if let Some(value) = value {
            let _ = write!(
                body,
                "<div class=\"tile\"><b>{value}</b><span>{name}</span></div>"
            );
        }
    }
    body.push_str("</div>");
}

fn mebi(bytes: u64) -> f64 {
    bytes as f64 / 1_048_576.0
}

fn over_time(report: &Report, name: &str, value: impl Fn(&Second) -> f64) -> Line {
    let points = report.series.iter();
    Line {
        name: name.to_owned(),
        points: points.map(|s| (s.second as f64, value(s))).collect(),
    }
}

fn axes<'a>(title: &'a str, y: &'a str, y_scale: Scale) -> Axes<'a> {
    Axes {
        title,
        x: "second",
        y,
        y_scale,
        x_ticks: None,
    }
}

fn charts(report: &Report, series: &Series) -> Vec<String> {
    let ms = |micros: u64| micros as f64 / 1000.0;
    let reads = report.series.iter().any(|second| second.received > 0);
    let writes = report.series.iter().any(|second| second.acked > 0);
    let mut rate = Vec::new();
    if writes {
        rate.push(over_time(report, "sent", |s| s.sent as f64));
        rate.push(over_time(report, "acknowledged", |s| s.acked as f64));
    }
    if reads {
        rate.push(over_time(report, "received", |s| s.received as f64));
    }
    let (title, latency) = if writes {
        (
            "Response time",
            vec![
                over_time(report, "p50", |s| ms(s.response_p50_us)),
                over_time(report, "p99", |s| ms(s.response_p99_us)),
                over_time(report, "p99.9", |s| ms(s.response_p999_us)),
                over_time(report, "max", |s| ms(s.response_max_us)),
            ],
        )
    } else {
        (
            "End-to-end latency",
            vec![
                over_time(report, "p50", |s| ms(s.end_to_end_p50_us)),
                over_time(report, "p99", |s| ms(s.end_to_end_p99_us)),
            ],
        )
    };
    let has_latency = latency
        .iter()
        .flat_map(|line| &line.points)
        .any(|(_, y)| *y > 0.0);
    let mut cores = vec![over_time(report, "generator", |s| s.generator_cores)];
    if report.broker.is_some() {
        let broker = over_time(report, "broker", |s| s.broker_cores.unwrap_or(0.0));
        cores.insert(0, broker);
    }
    let behind = [
        over_time(report, "unacknowledged", |s| s.unacknowledged as f64),
        over_time(report, "backlog of readers", |s| s.backlog as f64),
    ];
    let columns: Vec<_> = report
        .series
        .iter()
        .map(|s| (s.second, s.heat.clone()))
        .collect();
    vec![
        svg::lines(&axes("Throughput", "records/s", Scale::Linear), &rate),
        if has_latency {
            svg::lines(&axes(title, "ms", Scale::Log), &latency)
        } else {
            String::new()
        },
        percentile_curve(series),
        svg::heat("Latency heat map", &columns, row_begin),
        load_curve(report),
        svg::lines(&axes("CPU", "cores", Scale::Linear), &cores),
        svg::lines(
            &axes("Records under way", "records", Scale::Linear),
            &behind,
        ),
    ]
}

/// Latency over 1/(1-p), so that the tail has room.
fn percentile_curve(series: &Series) -> String {
    let lines: Vec<Line> = named(series)
        .into_iter()
        .filter(|(name, latencies)| !latencies.is_empty() && *name != "slip")
        .map(|(name, latencies)| Line {
            name: name.replace('_', " "),
            points: curve(latencies),
        })
        .collect();
    let ticks = [
        "0",
        "90 %",
        "99 %",
        "99.9 %",
        "99.99 %",
        "99.999 %",
        "99.9999 %",
    ];
    let ticks = (0_u32..).zip(ticks);
    let axes = Axes {
        title: "Percentiles",
        x: "percentile",
        y: "ms",
        y_scale: Scale::Log,
        x_ticks: Some(
            ticks
                .map(|(n, name)| (f64::from(n), name.to_owned()))
                .collect(),
        ),
    };
    svg::lines(&axes, &lines)
}

fn curve(latencies: &Latencies) -> Vec<(f64, f64)> {
    let steps = latencies.percentiles(4).into_iter();
    let below_one = steps.filter(|(_, quantile, _)| *quantile < 1.0);
    below_one
        .map(|(micros, quantile, _)| {
            (
                -(1.0 - quantile).log10(),
                (micros as f64 / 1000.0).max(1e-3),
            )
        })
        .collect()
}

fn load_curve(report: &Report) -> String {
    let line = |name: &str, value: fn(&super::json::CurvePoint) -> u64| Line {
        name: name.to_owned(),
        points: report
            .load_curve
            .iter()
            .map(|point| (point.offered, value(point) as f64 / 1000.0))
            .collect(),
    };
    let lines = [
        line("p50", |point| point.p50_us),
        line("p99", |point| point.p99_us),
        line("p99.9", |point| point.p999_us),
    ];
    let axes = Axes {
        x: "records/s offered",
        ..axes("Latency by load", "ms", Scale::Log)
    };
    svg::lines(&axes, &lines)
}

fn write_latencies(body: &mut String, series: &Series) {
    body.push_str("<h2>Latency, ms</h2><div class=\"card scroll\"><table><tr><th></th>");
    for (name, _) in QUANTILES {
        let _ = write!(body, "<th>{name}</th>");
    }
    body.push_str("<th>max</th><th>mean</th><th>count</th></tr>");
    for (name, latencies) in named(series) {
        if latencies.is_empty() {
            continue;
        }
        let _ = write!(body, "<tr><td>{}</td>", name.replace('_', " "));
        for (_, quantile) in QUANTILES {
            let _ = write!(
                body,
                "<td>{:.3}</td>",
                latencies.at(quantile) as f64 / 1000.0
            );
        }
        let _ = write!(
            body,
            "<td>{:.3}</td><td>{:.3}</td><td>{}</td></tr>",
            latencies.max() as f64 / 1000.0,
            latencies.mean() / 1000.0,
            latencies.count()
        );
    }
    body.push_str("</table></div>");
}

fn write_account(body: &mut String, report: &Report) {
    let account = &report.account;
    body.push_str("<h2>Every record</h2><div class=\"card scroll\"><table><tr>");
    let figures = [
        ("acknowledged", account.acked),
        ("received", account.received),
        ("failed", account.failed),
        ("lost", account.lost),
        ("duplicated", account.duplicated),
        ("out of order", account.out_of_order),
        ("damaged", account.damaged),
        ("unconfirmed", account.unconfirmed),
        ("of aborted transactions", account.aborted_seen),
    ];
    for (name, _) in figures {
        let _ = write!(body, "<th>{name}</th>");
    }
    body.push_str("</tr><tr>");
    for (_, count) in figures {
        let _ = write!(body, "<td>{count}</td>");
    }
    body.push_str("</tr></table>");
    if !account.is_complete {
        body.push_str("<p class=\"soft\">Nobody read everything: losses would not show.</p>");
    }
    body.push_str("</div>");
}

fn write_costs(body: &mut String, report: &Report) {
    body.push_str(
        "<h2>Cost</h2><div class=\"card scroll\"><table><tr><th></th><th>CPU s</th><th>user</th>\
         <th>system</th><th>per million records</th><th>per GB</th><th>records per CPU s</th>\
         <th>RSS MiB</th><th>context switches</th><th>disk bytes per byte</th></tr>",
    );
    let mut row = |name: &str, cost: &CostFigures| {
        let _ = write!(
            body,
            "<tr><td>{name}</td><td>{:.2}</td><td>{:.2}</td><td>{:.2}</td><td>{:.3}</td>\
             <td>{:.3}</td><td>{}</td><td>{:.0}</td><td>{}</td><td>{:.2}</td></tr>",
            cost.cpu_seconds,
            cost.user_seconds,
            cost.system_seconds,
            cost.cpu_seconds_per_million_records,
            cost.cpu_seconds_per_gb,
            short(cost.records_per_cpu_second),
            mebi(cost.rss_bytes),
            cost.context_switches,
            cost.write_amplification
        );
    };
    if let Some(broker) = &report.broker {
        row("broker", broker);
    }
    row("generator", &report.generator);
    body.push_str("</table></div>");
}

fn write_details(body: &mut String, report: &Report) {
    if !report.events.is_empty() {
        body.push_str("<h2>Events</h2><div class=\"card\">");
        for (second, event) in report.events.iter().take(100) {
            let _ = write!(body, "<p>{second:.1} s: {}</p>", escaped(event));
        }
        body.push_str("</div>");
    }
    let target = serde_json::to_string_pretty(&report.target).unwrap_or_default();
    let environment = serde_json::to_string_pretty(&report.environment).unwrap_or_default();
    for (name, text) in [
        ("Workload", report.workload.to_yaml()),
        ("Environment", environment),
        ("Broker and topic", target),
    ] {
        let _ = write!(
            body,
            "<details class=\"card\"><summary>{name}</summary><pre>{}</pre></details>",
            escaped(&text)
        );
    }
}
