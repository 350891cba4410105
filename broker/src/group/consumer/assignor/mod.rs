//! Server-side assignors: which member of a group is to have which partitions. Pure.
//!
//! An assignor sees the members, the topics each of them subscribes to, and what each is to have
//! now; it answers what each is to have next. It does not move anything: reconciliation does.

mod range;
mod uniform;
mod uniform_mixed;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use protocol::types::Uuid;

/// The partitions of one member, by topic. No topic has an empty set.
pub(crate) type Assignment = BTreeMap<Uuid, BTreeSet<i32>>;

/// An assignor that members may ask for by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Assignor {
    /// Spreads all partitions evenly and moves as few as it can.
    Uniform,
    /// Gives each member the same range of every topic, so that equal numbers stay together.
    Range,
}

impl Assignor {
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        match name {
            "uniform" => Some(Self::Uniform),
            "range" => Some(Self::Range),
            _ => None,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::Range => "range",
        }
    }

    /// What every member is to have. Each member is in the answer, be it with nothing.
    pub(crate) fn assign<'a>(self, group: &Group<'a>) -> BTreeMap<&'a str, Assignment> {
        match self {
            Self::Uniform if group.is_homogeneous() => uniform::assign(group),
            Self::Uniform => uniform_mixed::assign(group),
            Self::Range => range::assign(group),
        }
    }
}

/// What an assignor sees of a group.
#[derive(Debug, Default)]
pub(crate) struct Group<'a> {
    pub(crate) members: BTreeMap<&'a str, Subscriber<'a>>,
    /// How many partitions each topic has that some member subscribes to.
    pub(crate) partition_counts: BTreeMap<Uuid, i32>,
}

/// What an assignor sees of a member.
#[derive(Clone, Debug)]
pub(crate) struct Subscriber<'a> {
    pub(crate) instance_id: Option<&'a str>,
    /// The existing topics it subscribes to; shared between members that subscribe to the same.
    pub(crate) topics: Rc<BTreeSet<Uuid>>,
    /// What it is to have so far; the partitions of no two members overlap.
    pub(crate) current: &'a Assignment,
}

impl Group<'_> {
    /// Whether all members subscribe to the same topics.
    fn is_homogeneous(&self) -> bool {
        let mut all = self.members.values().map(|member| &member.topics);
        all.next()
            .is_none_or(|first| all.all(|topics| Rc::ptr_eq(first, topics) || first == topics))
    }

    fn partition_count(&self, topic: &Uuid) -> i32 {
        self.partition_counts.get(topic).copied().unwrap_or(0)
    }

    /// The partitions that a member has and may keep, in order.
    fn kept<'g>(&'g self, member: &'g Subscriber<'_>) -> impl Iterator<Item = (Uuid, i32)> + 'g {
        member
            .current
            .iter()
            .filter(|(topic, _)| member.topics.contains(topic))
            .flat_map(|(topic, partitions)| {
                let count = self.partition_count(topic);
                let existing = partitions.range(0..count.max(0));
                existing.map(|partition| (*topic, *partition))
            })
    }
}
