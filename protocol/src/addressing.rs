//! How Produce and Fetch name topics, and how their responses point a client to another broker.
//! Pure. A request's partitions lie in one flat list; each topic says which part of it is its own.

use std::ops::Range;
use std::sync::Arc;

use crate::codec::{ARRAY_ELEMENTS_MAX, DecodeError, Reader, Writer};
use crate::types::Uuid;

/// A topic as the request names it: by name up to Produce 12 and Fetch 12, then by id. The name is
/// shared: a long one may have very many partitions, and whoever keeps them keeps the name with each.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TopicRef {
    Name(Arc<str>),
    Id(Uuid),
}

/// A topic and its part of a flat list of partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicSpan {
    pub topic: TopicRef,
    start: u32,
    end: u32,
}

/// Who leads a partition, for a client that asked the wrong broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaderHint {
    pub leader_id: i32,
    pub leader_epoch: i32,
}

/// Where a broker of a [`LeaderHint`] is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeEndpoint {
    pub node_id: i32,
    pub host: String,
    pub port: i32,
    pub rack: Option<String>,
}

impl TopicRef {
    pub(crate) fn read(
        reader: &mut Reader,
        by_id: bool,
        flexible: bool,
    ) -> Result<Self, DecodeError> {
        if by_id {
            reader.uuid().map(Self::Id)
        } else {
            reader
                .flex_string(flexible)
                .map(|name| Self::Name(name.into()))
        }
    }

    /// A version that names topics otherwise gets the empty name or the zero id.
    pub(crate) fn write(&self, writer: &mut Writer, by_id: bool, flexible: bool) {
        match (self, by_id) {
            (Self::Id(id), true) => writer.uuid(*id),
            (Self::Name(_), true) => writer.uuid(Uuid::ZERO),
            (Self::Name(name), false) => writer.flex_string(flexible, name),
            (Self::Id(_), false) => writer.flex_string(flexible, ""),
        }
    }
}

impl TopicSpan {
    /// # Panics
    /// The range is beyond what fits into a message.
    #[must_use]
    pub fn new(topic: TopicRef, partitions: Range<usize>) -> Self {
        let (start, end) = (index(partitions.start), index(partitions.end));
        Self { topic, start, end }
    }

    /// Where the topic's partitions are in the flat list.
    #[must_use]
    pub fn partitions(&self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    pub(crate) fn set_end(&mut self, end: usize) {
        self.end = index(end);
    }

    /// What this topic has of a list that is parallel to the partitions.
    pub(crate) fn of<'a, T>(&self, list: &'a [T]) -> &'a [T] {
        list.get(self.partitions()).unwrap_or_default()
    }
}

/// A topic's or partition's place in a list that was read.
pub(crate) fn index(place: usize) -> u32 {
    let index = u32::try_from(place);
    assert!(index.is_ok(), "lists in a message are limited");
    index.unwrap_or(u32::MAX)
}

/// Reads an array of topics, each with an array of partitions, into two flat lists. One message
/// holds at most [`ARRAY_ELEMENTS_MAX`] partitions, however they are spread over topics.
pub(crate) fn read_topics<P>(
    reader: &mut Reader,
    form: &TopicsForm,
    mut partition: impl FnMut(&mut Reader, u32) -> Result<P, DecodeError>,
) -> Result<(Vec<TopicSpan>, Vec<P>), DecodeError> {
    let mut partitions = Vec::new();
    let mut topic_index = 0;
    let topics = reader.array(form.flexible, form.topic_bytes_min(), |reader| {
        let topic = TopicRef::read(reader, form.by_id, form.flexible)?;
        let start = partitions.len();
        let count = reader
            .array_count(form.flexible, form.partition_bytes_min)?
            .ok_or(DecodeError::UnexpectedNull)?;
        if start + count > ARRAY_ELEMENTS_MAX {
            let remaining = reader.remaining();
            return Err(DecodeError::TooManyElements { count, remaining });
        }
        for _ in 0..count {
            partitions.push(partition(reader, topic_index)?);
        }
        if form.flexible {
            reader.skip_tagged_fields()?;
        }
        topic_index += 1;
        Ok(TopicSpan::new(topic, start..partitions.len()))
    })?;
    Ok((topics, partitions))
}

/// The wire form of a list of topics in some version.
pub(crate) struct TopicsForm {
    pub(crate) flexible: bool,
    pub(crate) by_id: bool,
    pub(crate) partition_bytes_min: usize,
}

impl TopicsForm {
    fn topic_bytes_min(&self) -> usize {
        match (self.by_id, self.flexible) {
            (true, _) => 16 + 1 + 1,
            (false, true) => 1 + 1 + 1,
            (false, false) => 2 + 4,
        }
    }
}

/// The tagged field `node_endpoints`; Produce and Fetch have the same.
pub(crate) fn write_node_endpoints(writer: &mut Writer, endpoints: &[NodeEndpoint]) {
    let mut tags = writer.tagged_fields();
    if !endpoints.is_empty() {
        tags.field(0, |writer| {
            writer.array(true, endpoints, |writer, endpoint| {
                writer.i32(endpoint.node_id);
                writer.compact_string(&endpoint.host);
                writer.i32(endpoint.port);
                writer.compact_nullable_string(endpoint.rack.as_deref());
                writer.empty_tagged_fields();
            });
        });
    }
    tags.finish();
}

impl LeaderHint {
    pub(crate) fn write(self, writer: &mut Writer) {
        writer.i32(self.leader_id);
        writer.i32(self.leader_epoch);
        writer.empty_tagged_fields();
    }
}
