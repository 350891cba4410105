//! Drives the Raft node: what it asks for is written, then its receipt goes back, then what is
//! committed is applied and published, then answers go out. Shell around `raft::Node`.
//! Owns the committed image and, ahead of it, the one that the controller's rules see: with the
//! records that are proposed and not yet committed, so that requests need not wait for each other.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use raft::{Entry, EntryKind, Input, Node, Output, Persist, RecoveryError, RoleKind, Snapshot};
use storage::clock;

use crate::control::checkpoint::{self, CheckpointError};
use crate::control::describe_quorum::{Leader, describe_quorum};
use crate::control::entry_batches::offset_of;
use crate::control::metadata_log::{DIRECTORY, MetadataLog, MetadataLogError, Room};
use crate::control::queue::{Envelope, Reply};
use crate::control::request::{ControlRequest, ControlResponse};
use crate::controller::{ControllerSettings, Random};
use crate::metadata::delta::{ApplyError, ImageChange, MetadataDelta};
use crate::metadata::image::{ClusterImage, LogPosition};
use crate::metadata::records::{MetadataRecord, RecordError};
use crate::metadata::snapshot::image_records;

/// Given each new image, on the control thread.
pub(crate) type Publish = Box<dyn Fn(Arc<ClusterImage>, Arc<ImageChange>) + Send>;

#[derive(Debug, thiserror::Error)]
pub(crate) enum DriverError {
    #[error(transparent)]
    Log(#[from] MetadataLogError),
    #[error("metadata record at offset {offset}: {source}")]
    Record { offset: i64, source: RecordError },
    #[error("metadata record at offset {offset}: {source}")]
    Apply { offset: i64, source: ApplyError },
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    #[error("the metadata log {DIRECTORY} is not what it was")]
    Recovery(#[from] RecoveryError),
}

/// An answer that waits until the last record of its request is applied.
struct Parked {
    context: u64,
    /// Index of the last record, known once the proposal was taken in; 0 when there is none.
    last: Option<u64>,
    reply: Reply,
    response: ControlResponse,
}

pub(crate) struct RaftDriver {
    node: Node,
    log: MetadataLog,
    settings: ControllerSettings,
    snapshot_bytes: u64,
    committed: Arc<ClusterImage>,
    /// The committed image with everything that is proposed applied.
    proposed: ClusterImage,
    applied_index: u64,
    parked: VecDeque<Parked>,
    next_context: u64,
    /// The disk has no room for more metadata.
    is_short: bool,
    /// Until the first image is complete nothing is published.
    started: bool,
    publish: Publish,
}

impl std::fmt::Debug for RaftDriver {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("RaftDriver")
            .field("node", &self.node)
            .finish_non_exhaustive()
    }
}

impl RaftDriver {
    /// `base` is the image of the snapshot that the node was recovered with, or an empty one.
    pub(crate) fn new(
        node: Node,
        log: MetadataLog,
        settings: ControllerSettings,
        snapshot_bytes: u64,
        base: ClusterImage,
        publish: Publish,
    ) -> Self {
        let index = u64::try_from(base.applied.offset + 1).unwrap_or(0);
        Self {
            node,
            log,
            settings,
            snapshot_bytes,
            applied_index: index,
            proposed: base.clone(),
            committed: Arc::new(base),
            parked: VecDeque::new(),
            next_context: 0,
            publish,
            is_short: false,
            started: false,
        }
    }

    pub(crate) fn image(&self) -> &ClusterImage {
        &self.committed
    }

    pub(crate) fn settings(&self) -> &ControllerSettings {
        &self.settings
    }

    pub(crate) fn next_tick(&self) -> Duration {
        self.node.next_tick()
    }

    pub(crate) async fn tick(&mut self) -> Result<(), DriverError> {
        self.step(vec![Input::Tick]).await
    }

    /// Takes in requests: each is decided on the state that those before it leave.
    pub(crate) async fn handle(
        &mut self,
        envelopes: Vec<Envelope>,
        random: Random<'_>,
    ) -> Result<(), DriverError> {
        if !self.node.status().is_leader() {
            for envelope in envelopes {
                (envelope.reply)(ControlResponse::Unavailable);
            }
            return Ok(());
        }
        let room = self.log.make_room().await;
        self.note_room(room);
        let mut inputs = Vec::new();
        for Envelope { request, reply } in envelopes {
            if !may_enter(&request, room) {
                reply(ControlResponse::Unavailable);
                continue;
            }
            let (records, response) = if let ControlRequest::DescribeQuorum(asked) = &request {
                let response = describe_quorum(&self.committed, asked, self.leader());
                (Vec::new(), ControlResponse::DescribeQuorum(response))
            } else {
                request.decide(&self.proposed, &self.settings, random)
            };
            let context = self.next_context;
            let last = records.is_empty().then_some(0);
            self.parked.push_back(Parked {
                context,
                last,
                reply,
                response,
            });
            inputs.extend(self.propose(&records)?);
        }
        self.step(inputs).await?;
        if self.log.bytes_since_snapshot() > self.snapshot_bytes {
            self.snapshot().await?;
        }
        Ok(())
    }

    fn note_room(&mut self, room: Room) {
        let is_short = room != Room::Enough;
        match (std::mem::replace(&mut self.is_short, is_short), is_short) {
            (false, true) => tracing::error!(
                "no space left for the metadata log: changes other than deletions are refused until there is"
            ),
            (true, false) => tracing::info!("there is space again for the metadata log"),
            (false, false) | (true, true) => {}
        }
    }

    /// How this node stands, which leads.
    fn leader(&self) -> Leader {
        let status = self.node.status();
        Leader {
            node_id: self.settings.node_id,
            epoch: i32::try_from(status.standing.term).unwrap_or(i32::MAX),
            high_watermark: offset_of(status.commit) + 1,
            log_end_offset: offset_of(status.last_index) + 1,
            now_ms: clock::now_ms(),
        }
    }

    /// Proposes records that no one waits for.
    pub(crate) async fn append(&mut self, records: &[MetadataRecord]) -> Result<(), DriverError> {
        let inputs = self.propose(records)?;
        self.step(inputs.into_iter().collect()).await
    }

    fn propose(&mut self, records: &[MetadataRecord]) -> Result<Option<Input>, DriverError> {
        let context = self.next_context;
        self.next_context += 1;
        if records.is_empty() {
            return Ok(None);
        }
        let mut delta = MetadataDelta::new(&self.proposed);
        let LogPosition { mut offset, epoch } = self.proposed.applied;
        for record in records {
            offset += 1;
            delta
                .apply(record, LogPosition { offset, epoch })
                .map_err(|source| DriverError::Apply { offset, source })?;
        }
        self.proposed = delta.finish().0;
        let payloads = records.iter().map(MetadataRecord::encode).collect();
        Ok(Some(Input::Propose { context, payloads }))
    }

    /// The initial image is complete: it is published whole, as one change from nothing.
    pub(crate) fn start_publishing(&mut self) {
        self.started = true;
        let empty = ClusterImage::empty(Arc::clone(&self.committed.cluster_id));
        let change = ImageChange::initial(&empty, &self.committed);
        (self.publish)(Arc::clone(&self.committed), Arc::new(change));
    }

    async fn snapshot(&mut self) -> Result<(), DriverError> {
        let image = Arc::clone(&self.committed);
        let records = image_records(&image);
        let data = checkpoint::encode(&records, clock::now_ms(), image.applied.epoch);
        let (index, context) = (self.applied_index, self.next_context);
        self.next_context += 1;
        self.step(vec![Input::SnapshotCreated {
            context,
            index,
            data,
        }])
        .await
    }

    /// Steps until the node has nothing more to ask. All writes of one turn go out together.
    async fn step(&mut self, mut inputs: Vec<Input>) -> Result<(), DriverError> {
        let mut refused = false;
        while !inputs.is_empty() {
            let mut writes: Vec<Persist> = Vec::new();
            let mut committed = Vec::new();
            for input in inputs.drain(..) {
                if let (true, Input::Propose { context, .. }) = (refused, &input) {
                    // It was decided on records that did not make it into the log.
                    self.refuse(*context);
                    continue;
                }
                let mut output = self.node.step(clock::monotonic(), input);
                writes.extend(output.persist.take());
                refused |= !output.rejected.is_empty();
                self.note_answers(&output);
                if let Some(snapshot) = output.install.take() {
                    self.install(&snapshot)?;
                }
                committed.append(&mut output.committed);
                self.node.recycle(output);
            }
            if !committed.is_empty() {
                self.apply(&committed)?;
                inputs.push(Input::Applied {
                    index: self.applied_index,
                });
            }
            if !writes.is_empty() {
                self.log.write(&writes, clock::now_ms()).await?;
                inputs.extend(
                    writes
                        .into_iter()
                        .map(|write| Input::Persisted(write.persisted())),
                );
            }
        }
        self.answer_applied();
        Ok(())
    }

    fn note_answers(&mut self, output: &Output) {
        for accepted in &output.accepted {
            if let Some(parked) = self.parked_for(accepted.context) {
                parked.last = Some(accepted.last_index);
            }
        }
        for rejected in &output.rejected {
            tracing::warn!(reason = %rejected.reason, "metadata change was refused");
            self.refuse(rejected.context);
            self.proposed = (*self.committed).clone();
        }
        if let Some(role) = output.role {
            tracing::debug!(?role, "metadata quorum");
            self.proposed.applied.epoch = i32::try_from(role.term).unwrap_or(i32::MAX);
            if role.role != RoleKind::Leader {
                // Another leader decides what becomes of the proposals.
                self.refuse_parked();
                self.proposed = (*self.committed).clone();
            }
        }
    }

    fn parked_for(&mut self, context: u64) -> Option<&mut Parked> {
        self.parked
            .iter_mut()
            .find(|parked| parked.context == context)
    }

    fn refuse(&mut self, context: u64) {
        if let Some(parked) = self.parked_for(context) {
            parked.last = Some(0);
            parked.response = ControlResponse::Unavailable;
        }
    }

    fn apply(&mut self, entries: &[Entry]) -> Result<(), DriverError> {
        let mut delta = MetadataDelta::new(&self.committed);
        for entry in entries {
            let offset = offset_of(entry.index);
            let epoch = i32::try_from(entry.term).unwrap_or(i32::MAX);
            let position = LogPosition { offset, epoch };
            match entry.kind {
                EntryKind::NoOp | EntryKind::Membership => delta.skip_to(position),
                EntryKind::Data => {
                    let record = MetadataRecord::decode(entry.payload.clone())
                        .map_err(|source| DriverError::Record { offset, source })?;
                    delta
                        .apply(&record, position)
                        .map_err(|source| DriverError::Apply { offset, source })?;
                }
            }
            self.applied_index = entry.index;
        }
        let (image, change) = delta.finish();
        self.committed = Arc::new(image);
        if self.proposed.applied.offset <= self.committed.applied.offset {
            self.proposed = (*self.committed).clone();
        }
        if self.started {
            (self.publish)(Arc::clone(&self.committed), Arc::new(change));
        }
        Ok(())
    }

    fn install(&mut self, snapshot: &Snapshot) -> Result<(), DriverError> {
        let cluster_id = Arc::clone(&self.committed.cluster_id);
        let meta = &snapshot.meta;
        let image = image_of_snapshot(cluster_id, meta.index, meta.term, &snapshot.data)?;
        let change = ImageChange::initial(&self.committed, &image);
        self.applied_index = meta.index;
        self.proposed = image.clone();
        self.committed = Arc::new(image);
        if self.started {
            (self.publish)(Arc::clone(&self.committed), Arc::new(change));
        }
        Ok(())
    }

    /// Answers go out in the order of the requests, each once its records are applied.
    fn answer_applied(&mut self) {
        while let Some(parked) = self.parked.front() {
            if parked.last.is_none_or(|index| index > self.applied_index) {
                return;
            }
            if let Some(parked) = self.parked.pop_front() {
                (parked.reply)(parked.response);
            }
        }
    }

    /// Everything that still waits is told that nothing is known; the log is closed.
    pub(crate) async fn close(mut self) -> Result<(), DriverError> {
        self.refuse_parked();
        Ok(self.log.close().await?)
    }

    pub(crate) fn refuse_parked(&mut self) {
        for parked in self.parked.drain(..) {
            (parked.reply)(ControlResponse::Unavailable);
        }
    }
}

/// The image that a snapshot of the entries up to `index` holds.
pub(crate) fn image_of_snapshot(
    cluster_id: Arc<str>,
    index: u64,
    term: u64,
    data: &bytes::Bytes,
) -> Result<ClusterImage, DriverError> {
    let position = LogPosition {
        offset: offset_of(index),
        epoch: i32::try_from(term).unwrap_or(i32::MAX),
    };
    let mut delta = MetadataDelta::new(&ClusterImage::empty(cluster_id));
    for record in checkpoint::decode(data)? {
        delta
            .apply(&record, position)
            .map_err(|source| DriverError::Apply {
                offset: position.offset,
                source,
            })?;
    }
    delta.skip_to(position);
    Ok(delta.finish().0)
}

/// Whether a request is decided with this much room for its records.
fn may_enter(request: &ControlRequest, room: Room) -> bool {
    match request {
        ControlRequest::DescribeQuorum(_) => true,
        ControlRequest::DeleteTopics(..) => room != Room::None,
        ControlRequest::CreateTopics(_)
        | ControlRequest::CreatePartitions(_)
        | ControlRequest::IncrementalAlterConfigs(_)
        | ControlRequest::AlterConfigs(_)
        | ControlRequest::AllocateProducerIds(_)
        | ControlRequest::AlterClientQuotas(_)
        | ControlRequest::AlterUserScramCredentials(_)
        | ControlRequest::UpdateFeatures(..)
        | ControlRequest::UnregisterBroker(_)
        | ControlRequest::AddRaftVoter(_)
        | ControlRequest::RemoveRaftVoter(_) => room == Room::Enough,
    }
}
