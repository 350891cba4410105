//! A Produce request whose batches are sent from where they lie: only what is around them is
//! written. Pure. Versions 3 to 13.

use bytes::Bytes;
use protocol::codec::Writer;
use protocol::frame::RequestHeader;
use protocol::types::Uuid;
use storage::ring::SendPart;

use super::connection::set_length;

const FLEXIBLE_SINCE: i16 = 9;
const TOPIC_ID_SINCE: i16 = 13;

/// What all requests of a producer have in common.
#[derive(Debug, Clone)]
pub(crate) struct ProduceTerms {
    pub(crate) transactional_id: Option<String>,
    pub(crate) acks: i16,
    pub(crate) timeout_ms: i32,
}

/// The batches for one topic: partition and batch.
#[derive(Debug)]
pub(crate) struct TopicBatches<'a> {
    pub(crate) name: &'a str,
    pub(crate) id: Uuid,
    pub(crate) batches: Vec<(i32, Bytes)>,
}

/// The frame with its length, as parts.
pub(crate) fn encode(
    header: &RequestHeader,
    terms: &ProduceTerms,
    topics: &[TopicBatches<'_>],
) -> Vec<SendPart> {
    let version = header.api_version;
    let flexible = version >= FLEXIBLE_SINCE;
    let batches = topics.iter().flat_map(|topic| &topic.batches);
    let batch_bytes = batches.map(|(_, batch)| batch.len()).sum();
    let mut frame = Frame::new();
    frame.writer.i32(0);
    header.encode(&mut frame.writer);
    frame
        .writer
        .flex_nullable_string(flexible, terms.transactional_id.as_deref());
    frame.writer.i16(terms.acks);
    frame.writer.i32(terms.timeout_ms);
    frame.count(flexible, topics.len());
    for topic in topics {
        if version >= TOPIC_ID_SINCE {
            frame.writer.uuid(topic.id);
        } else {
            frame.writer.flex_string(flexible, topic.name);
        }
        frame.count(flexible, topic.batches.len());
        for (partition, batch) in &topic.batches {
            frame.writer.i32(*partition);
            frame.count(flexible, batch.len());
            frame.insert(batch.clone());
            frame.end(flexible);
        }
        frame.end(flexible);
    }
    frame.end(flexible);
    frame.finish(batch_bytes)
}

/// What is written, cut where batches lie between.
struct Frame {
    writer: Writer,
    /// Batches, and how much was written before each.
    inserted: Vec<(usize, Bytes)>,
}

impl Frame {
    fn new() -> Self {
        const OWN_BYTES: usize = 256;
        Self {
            writer: Writer::with_capacity(OWN_BYTES),
            inserted: Vec::new(),
        }
    }

    /// How many elements or bytes follow.
    fn count(&mut self, flexible: bool, count: usize) {
        self.writer.array_count(flexible, Some(count));
    }

    fn end(&mut self, flexible: bool) {
        if flexible {
            self.writer.empty_tagged_fields();
        }
    }

    fn insert(&mut self, batch: Bytes) {
        self.inserted.push((self.writer.len(), batch));
    }

    fn finish(mut self, batch_bytes: usize) -> Vec<SendPart> {
        set_length(&mut self.writer, batch_bytes);
        let own = self.writer.freeze();
        let mut parts = Vec::with_capacity(2 * self.inserted.len() + 1);
        let mut taken = 0;
        for (place, batch) in self.inserted {
            parts.push(own.slice(taken..place).into());
            parts.push(batch.into());
            taken = place;
        }
        parts.push(own.slice(taken..).into());
        parts
    }
}

#[cfg(test)]
mod tests {
    use protocol::codec::{Message, Reader, Request};
    use protocol::messages::produce_request::ProduceRequest;

    use super::*;

    #[test]
    fn the_frame_is_what_the_whole_message_would_be() {
        let batches = vec![
            (3, Bytes::from_static(b"first batch")),
            (9, vec![7; 300].into()),
        ];
        let topics = [
            TopicBatches {
                name: "one",
                id: Uuid::from_u128(1),
                batches,
            },
            TopicBatches {
                name: "two",
                id: Uuid::from_u128(2),
                batches: vec![(0, Bytes::from_static(b"third"))],
            },
        ];
        let terms = ProduceTerms {
            transactional_id: Some("t".to_owned()),
            acks: -1,
            timeout_ms: 77,
        };
        for version in 3..=ProduceRequest::KEY.versions().max {
            let header = RequestHeader {
                api_key: 0,
                api_version: version,
                correlation_id: 5,
                client_id: None,
            };
            let parts = encode(&header, &terms, &topics);
            let frame: Vec<u8> = parts.iter().flat_map(|part| part.to_vec()).collect();
            let length = i32::from_be_bytes(*frame.first_chunk().unwrap());
            assert_eq!(usize::try_from(length).unwrap(), frame.len() - 4);
            let mut reader = Reader::new(frame[4..].to_vec().into());
            assert_eq!(RequestHeader::decode(&mut reader).unwrap(), header);
            let decoded = ProduceRequest::decode(&mut reader, version).unwrap();
            assert!(reader.is_empty());
            assert_eq!(decoded.transactional_id.as_deref(), Some("t"));
            assert_eq!((decoded.acks, decoded.timeout_ms), (-1, 77));
            for (read, sent) in decoded.topic_data.iter().zip(&topics) {
                let by_id = version >= TOPIC_ID_SINCE;
                assert!(by_id && read.topic_id == sent.id || read.name == sent.name);
                let data = read.partition_data.iter();
                let read: Vec<_> = data
                    .map(|data| (data.index, data.records.clone().unwrap()))
                    .collect();
                assert_eq!(read, sent.batches);
            }
        }
    }
}
