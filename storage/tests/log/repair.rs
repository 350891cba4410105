//! Damage is found without a broker, told as it is, and repaired: what is whole stays, with its
//! offsets, and no offset is given out twice.

use std::path::{Path, PathBuf};

use storage::log::{Log, LogConfig, OpenError};
use storage::offline::{
    Effect, JournalRepair, Journals, PartitionReport, RepairError, RepairOptions, RepairPlan,
    RepairStep, check_partition,
};

use crate::faults::{commits, damage, journal};
use crate::harness::{Setup, append_durably, batch, id, numbers, run, small_segments};

const RECORDS: u64 = 60;

fn partition(dir: &Path) -> PathBuf {
    dir.join("topic7-0")
}

fn segment(dir: &Path, base: i64) -> PathBuf {
    partition(dir).join(format!("{base:020}.log"))
}

fn config() -> LogConfig {
    small_segments(8_000)
}

/// Appends one batch at a time and stops cleanly, or crashes.
fn fill(dir: &Path, count: u64, cleanly: bool) {
    run(dir, Setup::default(), async |broker| {
        let log = Log::open(&broker.store, id(0), config()).await.unwrap();
        let first = log.end_offset().unsigned_abs();
        for number in first..first + count {
            append_durably(&broker.store, &log, &batch(number, 1, 500)).await;
        }
        if cleanly {
            broker.store.close().await.unwrap();
        }
    });
}

fn check(dir: &Path) -> (Journals, PartitionReport) {
    let journals = Journals::read(dir).unwrap();
    let report = check_partition(&partition(dir), &journals, &mut |_| {}).unwrap();
    (journals, report)
}

fn lost(report: &PartitionReport) -> Vec<std::ops::Range<i64>> {
    let findings = report.findings.iter();
    let lost = findings.filter_map(|finding| match &finding.effect {
        Effect::Lost(lost) => Some(lost.clone()),
        Effect::Ordinary | Effect::Rebuildable | Effect::OutOfService => None,
    });
    lost.collect()
}

fn repair(dir: &Path, options: RepairOptions) -> RepairPlan {
    let (journals, report) = check(dir);
    let plan = RepairPlan::new(&report, options).unwrap();
    let kept = plan.apply(&journals, &report, 1).unwrap();
    assert!(kept.exists());
    plan
}

fn bases(dir: &Path) -> Vec<i64> {
    check(dir).1.files.bases
}

/// The numbers of the records, read as a consumer does, and the end of the log.
fn records(dir: &Path) -> (Vec<u64>, i64) {
    run(dir, Setup::default(), async |broker| {
        assert!(broker.report.refused.is_empty(), "{:?}", broker.report);
        let log = Log::open(&broker.store, id(0), config()).await.unwrap();
        let mut all = Vec::new();
        let mut offset = log.start_offset();
        while offset < log.end_offset() {
            let slice = log.read(offset, 1 << 20, i64::MAX, true).await.unwrap();
            if slice.bytes == 0 {
                break;
            }
            let bytes = slice.to_vec(broker.store.ring(), broker.store.pool());
            all.extend(numbers(&bytes.await.unwrap()));
            offset = slice.end_offset;
        }
        (all, log.end_offset())
    })
}

#[test]
fn a_sound_partition_has_nothing_to_tell() {
    for cleanly in [true, false] {
        let dir = tempfile::tempdir().unwrap();
        fill(dir.path(), RECORDS, cleanly);
        let (_, report) = check(dir.path());
        assert!(!report.is_damaged(), "{:?}", report.findings);
        assert_eq!(report.end_offset, 60);
        assert!(report.segments.len() > 3);
        let plan = RepairPlan::new(&report, RepairOptions::default()).unwrap();
        assert!(plan.steps.is_empty(), "{:?}", plan.steps);
    }
}

#[test]
fn a_rotten_batch_of_a_sealed_segment_costs_itself_alone() {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path(), RECORDS, true);
    let base = bases(dir.path())[1];
    damage(&segment(dir.path(), base), 1_000);
    let (_, report) = check(dir.path());
    assert_eq!(lost(&report), vec![base + 1..base + 2]);
    repair(dir.path(), RepairOptions::default());
    let (_, report) = check(dir.path());
    assert!(!report.is_damaged(), "{:?}", report.findings);
    let gone = (base + 1).unsigned_abs();
    let left: Vec<u64> = (0..RECORDS).filter(|number| *number != gone).collect();
    assert_eq!(records(dir.path()), (left, 60));
}

#[test]
fn what_only_the_journal_has_survives_a_repair() {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path(), 20, true);
    fill(dir.path(), 20, false);
    let base = *bases(dir.path()).last().unwrap();
    damage(&segment(dir.path(), base), 700);
    let (_, report) = check(dir.path());
    assert_eq!(lost(&report), vec![base + 1..base + 2]);
    assert_eq!(report.end_offset, 40);
    repair(dir.path(), RepairOptions::default());
    let gone = (base + 1).unsigned_abs();
    let left: Vec<u64> = (0..40).filter(|number| *number != gone).collect();
    assert_eq!(records(dir.path()), (left.clone(), 40));
    assert_eq!(records(dir.path()), (left, 40));
}

#[test]
fn a_cut_log_goes_on_behind_what_was_lost() {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path(), RECORDS, true);
    let base = *bases(dir.path()).last().unwrap();
    let file = std::fs::OpenOptions::new()
        .write(true)
        .open(segment(dir.path(), base));
    file.unwrap().set_len(600).unwrap();
    let refused = run(dir.path(), Setup::default(), async |broker| {
        Log::open(&broker.store, id(0), config()).await.map(drop)
    });
    assert!(
        matches!(refused, Err(OpenError::Damaged { .. })),
        "{refused:?}"
    );
    let (_, report) = check(dir.path());
    assert_eq!(lost(&report).last(), Some(&(base + 1..60)));
    repair(dir.path(), RepairOptions::default());
    let left: Vec<u64> = (0..=base.unsigned_abs()).collect();
    assert_eq!(records(dir.path()), (left.clone(), 60));
    fill(dir.path(), 2, false);
    let after = left.into_iter().chain([60, 61]).collect();
    assert_eq!(records(dir.path()), (after, 62));
    let (_, report) = check(dir.path());
    assert!(!report.is_damaged(), "{:?}", report.findings);
}

#[test]
fn a_partition_that_recovery_refused_is_opened_again() {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path(), 10, true);
    fill(dir.path(), 3, false);
    std::fs::remove_file(partition(dir.path()).join("00000000000000000000.index")).ok();
    damage(&segment(dir.path(), 0), 1_500);
    run(dir.path(), Setup::default(), async |broker| {
        assert_eq!(broker.report.refused.len(), 1);
    });
    let plan = repair(dir.path(), RepairOptions::default());
    assert!(plan.steps.contains(&RepairStep::RemoveMarker));
    let left: Vec<u64> = (0..13).filter(|number| *number != 2).collect();
    assert_eq!(records(dir.path()), (left, 13));
}

#[test]
fn indexes_and_snapshots_are_made_again() {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path(), RECORDS, true);
    let all = bases(dir.path());
    let index = |base: i64| partition(dir.path()).join(format!("{base:020}.index"));
    damage(&index(all[0]), 5);
    std::fs::write(index(all[1]), b"").unwrap();
    let snapshot = partition(dir.path()).join(format!("{:020}.snapshot", 60));
    damage(&snapshot, 20);
    let (_, report) = check(dir.path());
    let damaged = report.findings.iter().filter(|one| one.effect.is_damage());
    assert!(damaged.clone().count() >= 2, "{:?}", report.findings);
    assert!(damaged.clone().all(|one| one.effect == Effect::Rebuildable));
    repair(dir.path(), RepairOptions::default());
    assert_eq!(records(dir.path()), ((0..RECORDS).collect(), 60));
    let (_, report) = check(dir.path());
    assert!(!report.is_damaged(), "{:?}", report.findings);
}

#[test]
fn damaged_offsets_need_the_operators_word() {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path(), RECORDS, true);
    run(dir.path(), Setup::default(), async |broker| {
        let log = Log::open(&broker.store, id(0), config()).await.unwrap();
        log.advance_start_offset(25).await.unwrap();
        broker.store.close().await.unwrap();
    });
    damage(&partition(dir.path()).join("partition.offsets"), 30);
    let (_, report) = check(dir.path());
    let first = report.start_offset;
    let refused = RepairPlan::new(&report, RepairOptions::default());
    assert!(matches!(refused, Err(RepairError::NeedsLogStart { first: found }) if found == first));
    let options = RepairOptions {
        log_start_offset: Some(25),
        ..RepairOptions::default()
    };
    repair(dir.path(), options);
    let (found, end) = records(dir.path());
    // a read gives whole batches, and each has one record here
    assert_eq!((found, end), ((25..RECORDS).collect(), 60));
}

#[test]
fn an_interrupted_repair_is_finished() {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path(), RECORDS, true);
    let base = bases(dir.path())[1];
    damage(&segment(dir.path(), base), 1_000);
    let before = std::fs::read(segment(dir.path(), base)).unwrap();
    repair(dir.path(), RepairOptions::default());
    // as it is after the note was written and before the segment took its place
    let path = segment(dir.path(), base);
    std::fs::rename(&path, path.with_extension("log.repaired")).unwrap();
    std::fs::write(&path, before).unwrap();
    let note = "a repair is under way: run `millrace log repair` again\nremove nothing.snapshot\n";
    std::fs::write(partition(dir.path()).join("damaged.txt"), note).unwrap();
    let refused = run(dir.path(), Setup::default(), async |broker| {
        Log::open(&broker.store, id(0), config()).await.map(drop)
    });
    assert!(matches!(refused, Err(OpenError::Refused { .. })));
    let plan = repair(dir.path(), RepairOptions::default());
    assert_eq!(plan.steps, [RepairStep::Finish]);
    let gone = (base + 1).unsigned_abs();
    let left: Vec<u64> = (0..RECORDS).filter(|number| *number != gone).collect();
    assert_eq!(records(dir.path()), (left, 60));
}

#[test]
fn a_damaged_topic_id_needs_the_operators_word() {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path(), RECORDS, true);
    damage(&partition(dir.path()).join("partition.metadata"), 30);
    let (_, report) = check(dir.path());
    let refused = RepairPlan::new(&report, RepairOptions::default());
    assert!(matches!(refused, Err(RepairError::NeedsTopicId)));
    let topic_id = id(0).topic_id;
    let options = RepairOptions {
        topic_id: Some(topic_id),
        ..RepairOptions::default()
    };
    let plan = repair(dir.path(), options);
    assert_eq!(plan.steps, [RepairStep::WriteTopicId(topic_id)]);
    assert_eq!(records(dir.path()), ((0..RECORDS).collect(), 60));
    let (_, report) = check(dir.path());
    assert!(!report.is_damaged(), "{:?}", report.findings);
}

/// Appends to two partitions in turn, each batch in a commit of its own, and crashes.
fn fill_two(dir: &Path, count: u64) {
    run(dir, Setup::default(), async |broker| {
        let logs = [0, 1].map(|partition| Log::create(&broker.store, id(partition), config()));
        for number in 0..count {
            for log in &logs {
                append_durably(&broker.store, log, &batch(number, 1, 500)).await;
            }
        }
    });
}

#[test]
fn a_journal_without_superblocks_is_moved_aside() {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path(), RECORDS, true);
    for page in [0, 4096] {
        damage(&journal(dir.path()), page + 10);
    }
    let journals = Journals::read(dir.path()).unwrap();
    let repairs = JournalRepair::all(&journals);
    assert_eq!(repairs.len(), 1, "{repairs:?}");
    repairs[0].apply(dir.path(), &journals, 1).unwrap();
    assert_eq!(records(dir.path()), ((0..RECORDS).collect(), 60));
}

#[test]
fn a_damaged_journal_costs_the_damaged_commit_alone() {
    let dir = tempfile::tempdir().unwrap();
    fill_two(dir.path(), 10);
    let (journal_path, commits) = (journal(dir.path()), commits(&journal(dir.path())));
    // the sixth commit of the first partition's ten
    damage(&journal_path, commits[10].0 + 300);
    let journals = Journals::read(dir.path()).unwrap();
    let repairs = JournalRepair::all(&journals);
    assert_eq!(repairs.len(), 1, "{repairs:?}");
    let kept = repairs[0].apply(dir.path(), &journals, 1).unwrap();
    assert!(kept.exists() && !journal_path.exists());
    assert!(JournalRepair::all(&Journals::read(dir.path()).unwrap()).is_empty());
    run(dir.path(), Setup::default(), async |broker| {
        assert_eq!(broker.report.fenced, [(id(0).topic_id, 0)]);
        broker.store.close().await.unwrap();
    });
    // the journal that knew what was durable is empty now
    let (_, report) = check(dir.path());
    assert_eq!(lost(&report), vec![5..6], "{:?}", report.findings);
    repair(dir.path(), RepairOptions::default());
    let left: Vec<u64> = (0..10).filter(|number| *number != 5).collect();
    assert_eq!(records(dir.path()), (left, 10));
}
