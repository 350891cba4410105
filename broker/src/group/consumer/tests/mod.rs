//! Consumer groups by example and by simulation: a group whose log is kept as bytes.

mod classic;
mod heartbeats;
mod patterns;
mod simulation;
mod statics;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use protocol::codec::Reader;
use protocol::error_code::ErrorCode;
use protocol::messages::consumer_group_heartbeat_request::{
    ConsumerGroupHeartbeatRequest as Request, TopicPartitions,
};
use protocol::messages::consumer_group_heartbeat_response::ConsumerGroupHeartbeatResponse as Response;
use protocol::messages::create_topics_request::CreateTopicsRequest;
use protocol::types::Uuid;

use super::assignor::Assignor;
use super::fence;
use super::group::ConsumerGroup;
use super::heartbeat::{heartbeat, validate};
use super::pattern::Pattern;
use super::records::{ConsumerRecord, is_consumer_key};
use super::resolution;
use super::step::{Context, MigrationPolicy, Refusal, Settings, Step};
use crate::controller::tests as controller;
use crate::controller::topics::create_topics;
use crate::coordinator::machine::Now;
use crate::metadata::image::ClusterImage;

const GROUP: &str = "g";

fn settings() -> Settings {
    Settings {
        session_timeout_ms: 45_000,
        heartbeat_interval_ms: 5_000,
        assignment_interval_ms: 0,
        members_max: 1_000,
        classic_members_max: 1_000,
        assignors: vec![Assignor::Uniform, Assignor::Range],
        pattern_refresh_ms: 600_000,
        migration: MigrationPolicy {
            upgrade: true,
            downgrade: true,
        },
    }
}

/// The group, its log, and what it lives in.
struct World {
    image: ClusterImage,
    settings: Settings,
    group: ConsumerGroup,
    /// Every record since the start, as bytes.
    log: Vec<(Bytes, Option<Bytes>)>,
    clock: Duration,
    ids: u32,
    seed: u64,
    /// Patterns that a step asked to have resolved.
    to_resolve: BTreeSet<String>,
}

impl World {
    fn new(topics: &[(&str, i32)]) -> Self {
        let mut world = Self {
            image: controller::cluster(1),
            settings: settings(),
            group: ConsumerGroup::default(),
            log: Vec::new(),
            clock: Duration::from_secs(1_000),
            ids: 0,
            seed: 7,
            to_resolve: BTreeSet::new(),
        };
        for (name, partitions) in topics {
            world.create_topic(name, *partitions);
        }
        world
    }

    fn create_topic(&mut self, name: &str, partitions: i32) {
        let request = CreateTopicsRequest {
            topics: vec![controller::topic(name, partitions, 1)],
            ..Default::default()
        };
        let seed = &mut self.seed;
        let mut random = || {
            *seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            *seed ^ (*seed >> 31)
        };
        let records = create_topics(&self.image, &request, &controller::settings(), &mut random).0;
        self.image = controller::apply(&self.image, &records);
    }

    fn topic(&self, name: &str) -> Uuid {
        self.image.topic(name).unwrap().id
    }

    fn pass(&mut self, millis: u64) {
        self.clock += Duration::from_millis(millis);
    }

    fn now(&self) -> Now {
        Now {
            wall_ms: 1_700_000_000_000 + i64::try_from(self.clock.as_millis()).unwrap(),
            monotonic: self.clock,
        }
    }

    fn context<'a>(&'a self, new_member_id: &'a str) -> Context<'a> {
        Context {
            image: &self.image,
            settings: &self.settings,
            now: self.now(),
            client_id: "client",
            client_host: "/127.0.0.1",
            new_member_id,
        }
    }

    /// Takes up what a step decided; its records go through their bytes.
    fn take_up<R>(&mut self, step: Step<R>) -> R {
        self.group.timers.apply(step.timers);
        self.to_resolve.extend(step.resolve);
        for record in step.records {
            let (key, value) = record.encode(GROUP);
            let read = decoded(&key, value.as_ref());
            assert_eq!(read, record, "a record survives its encoding");
            self.group.replay(read);
            self.log.push((key, value));
        }
        self.check_holders();
        step.response
    }

    fn step<R>(
        &mut self,
        decide: impl FnOnce(&ConsumerGroup, Context<'_>) -> Result<Step<R>, Refusal>,
    ) -> Result<R, Refusal> {
        self.ids += 1;
        let new_id = format!("new-{}", self.ids);
        let step = decide(&self.group, self.context(&new_id))?;
        Ok(self.take_up(step))
    }

    fn send(&mut self, request: &Request) -> Result<Response, Refusal> {
        validate(request, 1, &self.settings)?;
        self.step(|group, context| heartbeat(group, request, context))
    }

    fn refused(&mut self, request: &Request) -> ErrorCode {
        self.send(request).unwrap_err().error
    }

    /// Members whose deadline has passed go.
    fn expire(&mut self) -> usize {
        let due = self.group.timers.due(self.clock);
        let gone = due.iter().map(String::as_str).collect();
        self.step(|group, context| Ok(fence::fence(group, &gone, context, ())))
            .unwrap();
        due.len()
    }

    /// Resolves the patterns that are due, as the runtime does beside the requests.
    fn resolve(&mut self) {
        let patterns = std::mem::take(&mut self.to_resolve);
        if patterns.is_empty() {
            return;
        }
        let names: BTreeSet<String> = self
            .image
            .topics
            .iter()
            .map(|t| t.name.to_string())
            .collect();
        let select = |text: String| {
            let pattern = Pattern::compile(&text).unwrap();
            let topics = names
                .iter()
                .filter(|name| pattern.matches(name))
                .cloned()
                .collect();
            (text, topics)
        };
        let topics: BTreeMap<_, _> = patterns.into_iter().map(select).collect();
        self.step(|group, context| Ok(resolution::resolved(group, &topics, context)))
            .unwrap();
    }

    /// No partition is held twice, and the group knows who holds what.
    fn check_holders(&self) {
        let mut held = BTreeMap::new();
        for member in self.group.members() {
            for partition in member.held() {
                assert!(self.group.is_held(partition.0, partition.1));
                let other = held.insert(partition, &member.id);
                assert_eq!(other, None, "{partition:?} is held twice");
            }
        }
    }

    /// The group that comes back after a crash, from the whole log or from the last record of each
    /// key, as compaction leaves it.
    fn check_replay(&self) {
        let whole = self.log.iter();
        let mut last = BTreeMap::new();
        for (index, (key, _)) in self.log.iter().enumerate() {
            last.insert(key.clone(), index);
        }
        let compacted = self.log.iter().enumerate();
        let compacted = compacted.filter(|(index, (key, _))| last[key] == *index);
        let compacted = compacted.map(|(_, record)| record);
        for log in [whole.collect::<Vec<_>>(), compacted.collect()] {
            let mut group = ConsumerGroup::default();
            for (key, value) in log {
                group.replay(decoded(key, value.as_ref()));
            }
            assert_eq!(group.durable(), self.group.durable());
        }
    }
}

fn decoded(key: &Bytes, value: Option<&Bytes>) -> ConsumerRecord {
    let kind = Reader::new(key.clone()).i16().unwrap();
    assert!(is_consumer_key(kind));
    let (group, record) = ConsumerRecord::decode(kind, key.clone(), value.cloned()).unwrap();
    assert_eq!(group, GROUP);
    record
}

/// A member that joins and subscribes to topics.
fn joining(member: &str, topics: &[&str]) -> Request {
    Request {
        group_id: GROUP.to_owned(),
        member_id: member.to_owned(),
        rebalance_timeout_ms: 30_000,
        subscribed_topic_names: Some(topics.iter().map(|name| (*name).to_owned()).collect()),
        topic_partitions: Some(Vec::new()),
        ..Default::default()
    }
}

/// A member that is alive and owns these partitions of a topic.
fn alive(member: &str, epoch: i32, owned: &[(Uuid, &[i32])]) -> Request {
    let owned = owned.iter().map(|(topic_id, partitions)| TopicPartitions {
        topic_id: *topic_id,
        partitions: partitions.to_vec(),
    });
    Request {
        group_id: GROUP.to_owned(),
        member_id: member.to_owned(),
        member_epoch: epoch,
        topic_partitions: Some(owned.collect()),
        ..Default::default()
    }
}

/// A heartbeat with nothing new in it.
fn idle(member: &str, epoch: i32) -> Request {
    Request {
        topic_partitions: None,
        ..alive(member, epoch, &[])
    }
}

/// The partitions of one topic that an answer assigns, if it assigns at all.
fn assigned(response: &Response, topic: Uuid) -> Option<Vec<i32>> {
    let assignment = response.assignment.as_ref()?;
    let found = assignment
        .topic_partitions
        .iter()
        .find(|found| found.topic_id == topic);
    Some(
        found
            .map(|found| found.partitions.clone())
            .unwrap_or_default(),
    )
}
