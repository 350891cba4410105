//! When the patterns of a group are resolved to topics, and what comes of it. Pure.
//!
//! Matching a pattern against many topics takes time that a heartbeat should not wait for. So a
//! heartbeat only says that it is due; the patterns are matched beside the requests, and the result
//! is a step of its own, as in Kafka: a member that brings a new pattern gets its partitions with a
//! later heartbeat. All patterns of a group are resolved together, so that it rebalances once.

use std::collections::{BTreeMap, BTreeSet};

use protocol::error_code::ErrorCode;

use super::group::{ConsumerGroup, Resolved};
use super::member::Member;
use super::pattern::Pattern;
use super::records::ConsumerRecord;
use super::step::{Context, Refusal, Step, Work};
use super::subscription::{Preview, hash_of};
use super::timers::TimerChange;

/// Two resolutions of one group are at least this far apart.
const INTERVAL_MS_MIN: i64 = 10_000;

/// What a heartbeat did to the member's pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PatternChange {
    None,
    /// It has another one whose topics are not known yet.
    Unresolved,
    /// It has another one whose topics are known, or none any more.
    Resolved,
}

/// # Errors
/// The pattern is new and invalid.
pub(super) fn on_heartbeat(
    work: &mut Work<'_>,
    preview: Preview<'_>,
    before: Option<&str>,
    member: &Member,
) -> Result<PatternChange, Refusal> {
    let group = work.group;
    let after = member.pattern();
    let mut is_new = false;
    let change = if before == after {
        PatternChange::None
    } else {
        if let Some(dropped) = before.filter(|text| group.pattern_count(text) == 1) {
            let end = ConsumerRecord::Pattern(dropped.to_owned(), None);
            work.records.push(end);
        }
        is_new = after.is_some_and(|text| group.pattern_count(text) == 0);
        match after {
            Some(text) if is_new => {
                Pattern::compile(text).map_err(|invalid| {
                    Refusal::new(ErrorCode::InvalidRegularExpression, invalid.message)
                })?;
                PatternChange::Unresolved
            }
            Some(text) if group.resolved(text).is_none() => PatternChange::Unresolved,
            Some(_) | None => PatternChange::Resolved,
        }
    };
    let patterns = preview.patterns();
    if !patterns.is_empty() && (is_new || !group.pattern_counts().is_empty()) {
        schedule(work, &patterns, is_new);
    }
    Ok(change)
}

/// Asks for a resolution if one is due.
fn schedule(work: &mut Work<'_>, patterns: &BTreeSet<&str>, is_new: bool) {
    let context = work.context;
    let (resolved_with, resolved_at) = last_resolved(work.group);
    if resolved_at.is_some_and(|at| context.now.wall_ms <= at.saturating_add(INTERVAL_MS_MIN)) {
        return;
    }
    let image_offset = context.image.applied.offset;
    let at = resolved_at.unwrap_or(i64::MIN);
    let is_old = context.now.wall_ms > at.saturating_add(context.settings.pattern_refresh_ms);
    let is_missing = patterns
        .iter()
        .any(|text| work.group.resolved(text).is_none());
    if is_new || is_missing || is_old || resolved_with < image_offset {
        work.resolve = patterns.iter().map(|text| (*text).to_owned()).collect();
        work.timers.push(TimerChange::Resolved {
            image_offset,
            at_ms: context.now.wall_ms,
        });
    }
}

/// The image with which the group's patterns were last resolved, and when, if ever.
fn last_resolved(group: &ConsumerGroup) -> (i64, Option<i64>) {
    if let Some((image_offset, at_ms)) = group.timers.resolved() {
        return (image_offset, Some(at_ms));
    }
    let known = || group.resolved_patterns().map(|(_, resolved)| resolved);
    let oldest = known().map(|resolved| resolved.version).min().unwrap_or(-1);
    (oldest, known().map(|resolved| resolved.timestamp_ms).max())
}

/// The step that follows when the patterns have been matched with the topics of an image.
pub(crate) fn resolved(
    group: &ConsumerGroup,
    topics: &BTreeMap<String, BTreeSet<String>>,
    context: Context<'_>,
) -> Step<()> {
    let mut work = Work::on(group, context);
    let mut names: BTreeSet<&str> = group.topic_counts().into_keys().collect();
    let mut moved = false;
    for (text, topics) in topics {
        // in the meantime the last member with this pattern may have gone
        if group.pattern_count(text) == 0 {
            continue;
        }
        names.extend(topics.iter().map(String::as_str));
        let known = group.resolved(text);
        let changed = known.is_none_or(|known| known.topics != *topics);
        moved |= changed;
        let refresh_ms = context.settings.pattern_refresh_ms;
        let is_young =
            |known: &Resolved| context.now.wall_ms < known.timestamp_ms.saturating_add(refresh_ms);
        if !changed && known.is_some_and(is_young) {
            continue;
        }
        let resolved = Resolved {
            topics: topics.clone(),
            version: context.image.applied.offset,
            timestamp_ms: context.now.wall_ms,
        };
        work.records.push(ConsumerRecord::pattern(text, &resolved));
    }
    // a pattern that came meanwhile is still to be resolved; one resolved earlier still counts
    for (text, known) in group.resolved_patterns() {
        if group.pattern_count(text) > 0 && !topics.contains_key(text) {
            names.extend(known.topics.iter().map(String::as_str));
        }
    }
    let hash = hash_of(names.into_iter(), context.image);
    if moved || hash != group.metadata_hash() {
        let epoch = group.epoch().saturating_add(1);
        work.records.push(ConsumerRecord::epoch(epoch, hash));
    }
    work.answer(())
}
