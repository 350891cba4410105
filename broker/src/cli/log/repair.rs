//! `millrace log repair`: tells what a repair would do and cost, and does it when it is told to.
//! Shell; `storage::offline` plans and repairs.

use anyhow::Context as _;
use protocol::types::Uuid;
use storage::clock;
use storage::offline::{
    JournalRepair, Journals, PartitionReport, RepairOptions, RepairPlan, check_partition,
};

use super::arguments::RepairArguments;
use super::place::Place;
use super::row::Row;
use super::verify::{journal_findings, row_of};
use super::{DAMAGED, Output};
use crate::limits::directory::DirectoryLock;

/// Plans, and repairs with `--execute`; returns the exit code.
pub(super) fn run(arguments: &RepairArguments) -> anyhow::Result<u8> {
    let place = Place::lock_for_reading(&arguments.what)?;
    let (data_dir, partitions, is_whole) = place.unlock();
    // from here on under the broker's own lock, with this process's number in it
    let _lock = DirectoryLock::take(&data_dir)?;
    let mut output = Output::new(arguments.what.json);
    let mut work = Work {
        execute: arguments.execute,
        steps: 0,
        refused: 0,
    };
    let mut journals = Journals::read(&data_dir)?;
    if is_whole && work.journals(&data_dir, &journals, &mut output)? {
        journals = Journals::read(&data_dir)?;
    }
    let options = RepairOptions {
        log_start_offset: arguments.log_start_offset,
        topic_id: arguments.topic_id.as_deref().map(topic_id).transpose()?,
    };
    for dir in &partitions {
        let report = check_partition(dir, &journals, &mut |_| {});
        let report = report.with_context(|| dir.display().to_string())?;
        work.partition(&report, &journals, options, &mut output)?;
    }
    if work.steps == 0 && work.refused == 0 {
        output.line("nothing to repair")?;
    } else if !work.execute && work.steps > 0 {
        output.line("nothing was changed; --execute does it")?;
    }
    output.finish()?;
    let open = work.refused > 0 || (work.steps > 0 && !work.execute);
    Ok(if open { DAMAGED } else { 0 })
}

fn topic_id(text: &str) -> anyhow::Result<Uuid> {
    let parsed = text.parse().ok();
    parsed.with_context(|| format!("{text} is no topic id"))
}

/// What has been planned so far.
struct Work {
    execute: bool,
    steps: usize,
    refused: usize,
}

impl Work {
    /// A journal with a damaged commit gives way to a copy of its whole ones. Says whether one did.
    fn journals(
        &mut self,
        data_dir: &std::path::Path,
        journals: &Journals,
        output: &mut Output,
    ) -> anyhow::Result<bool> {
        for finding in journal_findings(journals) {
            output.row(&row_of(&finding))?;
        }
        let mut repaired = false;
        for repair in JournalRepair::all(journals) {
            self.steps += 1;
            output.row(&Row::new("step").with("what", repair.to_string()))?;
            if self.execute {
                let kept = repair.apply(data_dir, journals, clock::now_ms())?;
                output.row(&Row::new("done").with("kept", kept.display().to_string()))?;
                repaired = true;
            }
        }
        Ok(repaired)
    }

    fn partition(
        &mut self,
        report: &PartitionReport,
        journals: &Journals,
        options: RepairOptions,
        output: &mut Output,
    ) -> anyhow::Result<()> {
        let plan = match RepairPlan::new(report, options) {
            Ok(plan) if plan.steps.is_empty() => return Ok(()),
            Ok(plan) => plan,
            Err(error) => {
                self.refused += 1;
                let row = Row::new("refused").with("partition", report.files.name.as_str());
                output.row(&row.with("reason", error.to_string()))?;
                return Ok(());
            }
        };
        output.row(&Row::new("partition").with("name", report.files.name.as_str()))?;
        for finding in report
            .findings
            .iter()
            .filter(|finding| finding.effect.is_damage())
        {
            output.row(&row_of(finding).below(1))?;
        }
        for step in &plan.steps {
            self.steps += 1;
            output.row(&Row::new("step").with("what", step.to_string()).below(1))?;
        }
        if self.execute {
            let kept = plan.apply(journals, report, clock::now_ms())?;
            let row = Row::new("done").with("kept", kept.display().to_string());
            output.row(&row.below(1))?;
        }
        Ok(())
    }
}
