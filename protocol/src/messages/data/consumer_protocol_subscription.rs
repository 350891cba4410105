//! Generated from `schemas/data/consumer_protocol_subscription.schema`; do not edit.

use bytes::Bytes;

use crate::api_key::VersionRange;
use crate::codec::{DecodeError, Message, Reader, Writer};

#[derive(Debug, Clone, PartialEq)]
pub struct ConsumerProtocolSubscription {
    pub topics: Vec<String>,
    pub user_data: Option<Bytes>,
    pub owned_partitions: Vec<TopicPartition>,
    pub generation_id: i32,
    pub rack_id: Option<String>,
}

impl Default for ConsumerProtocolSubscription {
    fn default() -> Self {
        Self {
            topics: Vec::new(),
            user_data: None,
            owned_partitions: Vec::new(),
            generation_id: -1,
            rack_id: None,
        }
    }
}

impl Message for ConsumerProtocolSubscription {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 3 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let mut message = Self::default();
        message.topics = reader.array(false, 2, Reader::string)?;
        message.user_data = reader.nullable_bytes()?;
        if version >= 1 {
            message.owned_partitions =
                reader.array(false, 6, |reader| TopicPartition::decode(reader, version))?;
        }
        if version >= 2 {
            message.generation_id = reader.i32()?;
        }
        if version >= 3 {
            message.rack_id = reader.nullable_string()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        writer.array(false, &self.topics, |writer, value| writer.string(value));
        writer.nullable_bytes(self.user_data.as_deref());
        if version >= 1 {
            writer.array(false, &self.owned_partitions, |writer, value| {
                value.encode(writer, version)
            });
        }
        if version >= 2 {
            writer.i32(self.generation_id);
        }
        if version >= 3 {
            writer.nullable_string(self.rack_id.as_deref());
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct TopicPartition {
    pub topic: String,
    pub partitions: Vec<i32>,
}

impl TopicPartition {
    fn decode(reader: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        message.topic = reader.string()?;
        message.partitions = reader.array(false, 4, Reader::i32)?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.string(&self.topic);
        writer.array(false, &self.partitions, |writer, value| writer.i32(*value));
    }
}
