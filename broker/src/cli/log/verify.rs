//! `millrace log verify`: checks journals, partitions and the metadata log, and names what is
//! damaged. Shell; reads only. `storage::offline` judges logs, `control` the metadata.

use std::fs;
use std::path::Path;

use bytes::Bytes;
use storage::offline::{Effect, Finding, Journals, bytes_of, check_partition};

use super::arguments::VerifyArguments;
use super::place::Place;
use super::progress::Progress;
use super::row::Row;
use super::{DAMAGED, Output};
use crate::control::checkpoint::{self, CheckpointId};
use crate::control::meta_properties::MetaProperties;
use crate::control::{entry_batches, metadata_log, quorum_state};

/// Checks what the arguments name; returns the exit code.
pub(super) fn run(place: &Place, arguments: &VerifyArguments) -> anyhow::Result<u8> {
    let mut output = Output::new(arguments.json);
    let mut count = Count::default();
    let journals = Journals::read(&place.data_dir)?;
    if place.is_whole {
        for finding in journal_findings(&journals)
            .into_iter()
            .chain(metadata_findings(place))
        {
            tell(&mut output, &mut count, &finding)?;
        }
    }
    let mut total = 0;
    for dir in &place.partitions {
        total += bytes_of(dir).unwrap_or_default();
    }
    let mut progress = Progress::new(total, arguments.quiet);
    for dir in &place.partitions {
        let name = dir.file_name().unwrap_or_default().to_string_lossy();
        let mut read = |bytes| progress.add(bytes, &name);
        match check_partition(dir, &journals, &mut read) {
            Ok(report) => {
                count.damaged_partitions += u64::from(report.is_damaged());
                for finding in &report.findings {
                    tell(&mut output, &mut count, finding)?;
                }
            }
            Err(error) => {
                count.damaged_partitions += 1;
                let finding = unusable(dir, error.to_string());
                tell(&mut output, &mut count, &finding)?;
            }
        }
    }
    let (bytes, took) = progress.finish();
    output.row(
        &Row::new("checked")
            .with("partitions", place.partitions.len())
            .with("journals", journals.journals.len())
            .with("bytes", bytes)
            .with(
                "milliseconds",
                u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            )
            .with("damagedPartitions", count.damaged_partitions)
            .with("findings", count.findings)
            .with("damage", count.damage),
    )?;
    output.finish()?;
    Ok(if count.damage > 0 { DAMAGED } else { 0 })
}

#[derive(Debug, Default)]
struct Count {
    findings: u64,
    damage: u64,
    damaged_partitions: u64,
}

fn tell(output: &mut Output, count: &mut Count, finding: &Finding) -> anyhow::Result<()> {
    count.findings += 1;
    count.damage += u64::from(finding.effect.is_damage());
    output.row(&row_of(finding))?;
    Ok(())
}

/// A finding as a row.
pub(super) fn row_of(finding: &Finding) -> Row {
    let kind = if finding.effect.is_damage() {
        "damage"
    } else {
        "note"
    };
    let row = Row::new(kind)
        .with("file", finding.file.display().to_string())
        .with("position", finding.position)
        .with("what", finding.what.as_str())
        .with("effect", finding.effect.to_string());
    match &finding.effect {
        Effect::Lost(offsets) if !offsets.is_empty() => row
            .with("firstLostOffset", offsets.start)
            .with("lastLostOffset", offsets.end - 1),
        Effect::Lost(_) | Effect::Ordinary | Effect::Rebuildable | Effect::OutOfService => row,
    }
}

/// What is wrong with journals: a start refuses them.
pub(super) fn journal_findings(journals: &Journals) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, reason) in &journals.unreadable {
        findings.push(unusable(path, reason.clone()));
    }
    for journal in &journals.journals {
        for damage in &journal.damage {
            let what = format!(
                "commits {} to {} are damaged, the one behind them is not{}",
                damage.sequence,
                damage.later - 1,
                held(damage)
            );
            findings.push(Finding {
                file: journal.path.clone(),
                position: Some(damage.position),
                what,
                effect: Effect::OutOfService,
            });
        }
    }
    findings
}

/// What the damaged commit says of itself; its checksum is wrong, so it is a hint.
fn held(damage: &storage::offline::JournalDamage) -> String {
    if damage.held.is_empty() {
        return "; which partitions they were of cannot be read".to_owned();
    }
    let partitions = damage.held.iter().map(|entry| {
        let (topic, partition) = (entry.topic_id, entry.partition);
        let (from, to) = (entry.append_offset, entry.end_offset - 1);
        format!("topic {topic} partition {partition} offsets {from} to {to}")
    });
    let partitions: Vec<String> = partitions.collect();
    format!(
        "; as far as it can be read it held {}",
        partitions.join(", ")
    )
}

/// The metadata log and the small files beside it.
fn metadata_findings(place: &Place) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Err(error) = MetaProperties::load(&place.data_dir) {
        let path = place.data_dir.join("meta.properties");
        findings.push(unusable(&path, error.to_string()));
    }
    let dir = place.data_dir.join(metadata_log::DIRECTORY);
    let Ok(entries) = fs::read_dir(&dir) else {
        return findings;
    };
    if let Err(error) = quorum_state::load(&dir) {
        findings.push(unusable(&dir.join("quorum-state"), error.to_string()));
    }
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        if let Some(what) = metadata_damage(&path) {
            findings.push(unusable(&path, what));
        }
    }
    findings
}

fn metadata_damage(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    let bytes = || fs::read(path).map(Bytes::from);
    if let Some(base) = name.strip_suffix(".log") {
        let first: u64 = base.parse().ok()?;
        return match bytes() {
            Ok(bytes) => entry_batches::decode(&bytes, first + 1)
                .err()
                .map(|error| error.to_string()),
            Err(error) => Some(error.to_string()),
        };
    }
    CheckpointId::parse(name)?;
    match bytes() {
        Ok(bytes) => checkpoint::decode(&bytes)
            .err()
            .map(|error| error.to_string()),
        Err(error) => Some(error.to_string()),
    }
}

fn unusable(path: &Path, what: String) -> Finding {
    Finding {
        file: path.to_owned(),
        position: None,
        what,
        effect: Effect::OutOfService,
    }
}
