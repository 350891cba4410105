//! The verification: a load whose every record is read by plain readers and by members of a
//! group, then everything once more from the beginning, then at random places. Shell.

use std::sync::atomic::AtomicBool;

use protocol::messages::fetch_request::{FetchPartition, FetchRequest, FetchTopic};
use protocol::messages::join_group_request::JoinGroupRequest;
use storage::ring::{Ring, RingOptions};
use storage::tasks;

use super::conduct;
use super::live::Live;
use super::options::RunOptions;
use super::outcome::Outcome;
use super::setup::{self, SetupError};
use crate::client::cluster::{self, ClusterError, Topic};
use crate::client::connection::Connection;
use crate::load::ledger::Verdict;
use crate::load::position::Position;
use crate::workload::Workload;

/// Random places that are read of each topic.
const RANDOM_READS: usize = 200;
const RANDOM_READ_BYTES: i32 = 64 << 10;

#[derive(Debug)]
pub(crate) struct Verified {
    /// While it was written.
    pub(crate) first: Outcome,
    /// From the beginning, afterwards.
    pub(crate) again: Option<Verdict>,
    /// Random places read, and what was wrong.
    pub(crate) random_reads: usize,
    pub(crate) wrong: Vec<String>,
    /// The broker has consumer groups, so that members of one read too.
    pub(crate) groups: bool,
}

impl Verified {
    pub(crate) fn complaints(&self) -> Vec<String> {
        let mut complaints = self.first.complaints();
        if let Some(again) = &self.again
            && again.is_violated(self.first.may_duplicate())
        {
            let (lost, twice) = (again.lost, again.duplicated);
            let (order, damaged) = (again.out_of_order, again.damaged);
            complaints.push(format!(
                "read again from the beginning: {lost} lost, {twice} twice, {order} out of order, \
                 {damaged} changed, {} of aborted transactions",
                again.aborted_seen
            ));
        }
        complaints.extend(self.wrong.iter().cloned());
        complaints
    }
}

pub(crate) fn verify(
    workload: &Workload,
    options: &RunOptions,
    live: &mut Live,
    interrupted: &AtomicBool,
) -> Result<Verified, SetupError> {
    let mut own = workload.clone();
    own.subscriptions_per_topic = own.subscriptions_per_topic.max(1);
    let groups = has_groups(options)?;
    own.groups &= groups;
    let (setup, target, made) = setup::prepare(&own, options)?;
    let (run, topics, starts) = (setup.run, setup.topics.clone(), setup.starts.clone());
    let first = conduct::conduct(setup, target, options, live, interrupted)?;
    let mut verified = Verified {
        again: None,
        random_reads: 0,
        wrong: Vec::new(),
        groups: own.groups,
        first,
    };
    let mut reading = Workload {
        producers_per_topic: 0,
        subscriptions_per_topic: 1,
        groups: false,
        idle_connections: 0,
        records: None,
        existing_topics: topics.iter().map(|topic| topic.name.clone()).collect(),
        ..own
    };
    reading
        .consumer_config
        .insert("isolation.level".to_owned(), "read_committed".to_owned());
    live.say("reading everything again");
    let (mut setup, target, _) = setup::prepare(&reading, options)?;
    setup.run = run;
    setup.starts.clone_from(&starts);
    let ends = setup.ends.clone();
    let owed = verified.first.promises.clone();
    let again = conduct::conduct_owing(setup, target, options, live, (interrupted, owed))?;
    verified.wrong.extend(again.failures.words.keys().cloned());
    verified.again = Some(again.verdict);
    live.say("reading at random places");
    match read_at_random(&topics, &starts, &ends, own_seed(workload)) {
        Ok((reads, wrong)) => {
            verified.random_reads = reads;
            verified.wrong.extend(wrong);
        }
        Err(error) => verified.wrong.push(error.to_string()),
    }
    setup::clean_up(options, &made);
    Ok(verified)
}

fn own_seed(workload: &Workload) -> u64 {
    workload.seed ^ 0x5eed
}

fn has_groups(options: &RunOptions) -> Result<bool, SetupError> {
    let ring = Ring::new(&RingOptions::default())?;
    let asking = async {
        let connection = cluster::bootstrap(&ring, &options.bootstrap).await?;
        Ok::<_, ClusterError>(connection.versions().newest::<JoinGroupRequest>().is_some())
    };
    Ok(tasks::block_on(&ring, asking)?)
}

fn read_at_random(
    topics: &[Topic],
    starts: &[Vec<i64>],
    ends: &[Vec<i64>],
    seed: u64,
) -> Result<(usize, Vec<String>), SetupError> {
    let ring = Ring::new(&RingOptions::default())?;
    let mut random = fastrand::Rng::with_seed(seed);
    let mut wrong = Vec::new();
    let mut reads = 0;
    for (place, topic) in topics.iter().enumerate() {
        for _ in 0..RANDOM_READS {
            let partition = random.usize(..topic.leaders.len());
            let (start, end) = (starts[place][partition], ends[place][partition]);
            if start >= end {
                continue;
            }
            let offset = random.i64(start..end);
            reads += 1;
            let read = Box::pin(read_one(&ring, topic, partition, offset));
            if let Err(error) = tasks::block_on(&ring, read)
                && wrong.len() < 10
            {
                wrong.push(format!("read at random: {error}"));
            }
        }
    }
    Ok((reads, wrong))
}

/// Reads one batch at an offset and checks it.
async fn read_one(ring: &Ring, topic: &Topic, partition: usize, offset: i64) -> Result<(), String> {
    let leader = topic.leaders[partition];
    let failed = |error: &dyn std::fmt::Display| format!("{} at {offset}: {error}", topic.name);
    let mut connection = Connection::open(ring.clone(), leader)
        .await
        .map_err(|e| failed(&e))?;
    let partition = i32::try_from(partition).unwrap_or(i32::MAX);
    let request = FetchRequest {
        max_wait_ms: 500,
        min_bytes: 1,
        max_bytes: RANDOM_READ_BYTES,
        session_epoch: -1,
        topics: vec![FetchTopic {
            topic: topic.name.clone(),
            topic_id: topic.id,
            partitions: vec![FetchPartition {
                partition,
                fetch_offset: offset,
                partition_max_bytes: RANDOM_READ_BYTES,
                ..FetchPartition::default()
            }],
        }],
        ..FetchRequest::default()
    };
    let response = connection.call(&request).await.map_err(|e| failed(&e))?;
    let mut data = response
        .responses
        .iter()
        .flat_map(|topic| &topic.partitions);
    let data = data.next().ok_or_else(|| failed(&"nothing came"))?;
    if data.error_code != 0 {
        return Err(failed(&format!("error code {}", data.error_code)));
    }
    let mut position = Position::new(partition, offset, i64::MAX);
    position.advance(data, 0).map_err(|error| failed(&error))?;
    if position.offset == offset {
        return Err(failed(&"no record where one was written"));
    }
    Ok(())
}
