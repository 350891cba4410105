//! Client instances that ask for subscriptions and send metrics: whether each may do so now.
//! Owns a bounded table of them. Pure: time is a parameter.

use std::collections::VecDeque;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use foldhash::HashMap;
use protocol::error_code::ErrorCode;
use protocol::records::Compression;
use protocol::types::Uuid;

use crate::telemetry::subscriptions::Wanted;

/// Instances that one shard remembers; the one that came first makes room.
const INSTANCES_MAX: usize = 16_384;
/// An id that Kafka keeps for itself.
const RESERVED: Uuid = Uuid::from_u128(1);

#[derive(Clone, Copy, Debug, Default)]
struct Instance {
    asked_ms: Option<i64>,
    sent_ms: Option<i64>,
    /// It has said that it sends for the last time.
    terminating: bool,
    /// It was told to ask anew, and need not wait before it does.
    must_ask: bool,
}

/// What a client sends, as far as it decides whether it may.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Push {
    pub(crate) id: Uuid,
    pub(crate) subscription_id: i32,
    pub(crate) terminating: bool,
    pub(crate) compression_type: i8,
    pub(crate) bytes: usize,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct ClientInstances {
    known: HashMap<Uuid, Instance>,
    order: VecDeque<Uuid>,
    random: RandomState,
    given: u64,
}

impl ClientInstances {
    /// An id for a client that has none.
    pub(crate) fn new_id(&mut self) -> Uuid {
        self.given += 1;
        let half = |part: u8| u128::from(self.random.hash_one((self.given, part)));
        let bits = (half(0) << 64) | half(1);
        // version 4, variant 2
        Uuid::from_u128((bits & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62))
    }

    /// A client asks for its subscription.
    ///
    /// # Errors
    /// `THROTTLING_QUOTA_EXCEEDED`: too soon after it was here.
    pub(crate) fn ask(&mut self, id: Uuid, interval_ms: i32, now_ms: i64) -> Result<(), ErrorCode> {
        let instance = self.instance(id);
        let last = instance.asked_ms.max(instance.sent_ms);
        if !instance.must_ask && !has_passed(last, interval_ms, now_ms) {
            return Err(ErrorCode::ThrottlingQuotaExceeded);
        }
        instance.asked_ms = Some(now_ms);
        instance.must_ask = false;
        Ok(())
    }

    /// A client sends metrics.
    ///
    /// # Errors
    /// Kafka's code for what keeps it from doing so.
    pub(crate) fn send(
        &mut self,
        push: Push,
        wanted: &Wanted,
        bytes_max: usize,
        now_ms: i64,
    ) -> Result<(), ErrorCode> {
        if push.id == Uuid::ZERO || push.id == RESERVED {
            return Err(ErrorCode::InvalidRequest);
        }
        let instance = self.instance(push.id);
        if instance.terminating {
            return Err(ErrorCode::InvalidRequest);
        }
        // the first after a question may come early, so that not all come together
        let is_first = instance.asked_ms > instance.sent_ms;
        if is_first || has_passed(instance.sent_ms, wanted.interval_ms, now_ms) {
            instance.sent_ms = Some(now_ms);
        } else if !push.terminating {
            return Err(ErrorCode::ThrottlingQuotaExceeded);
        }
        instance.terminating = push.terminating;
        if push.subscription_id != wanted.subscription_id {
            instance.must_ask = true;
            return Err(ErrorCode::UnknownSubscriptionId);
        }
        if Compression::from_id(push.compression_type.into()).is_none() {
            instance.must_ask = true;
            return Err(ErrorCode::UnsupportedCompressionType);
        }
        if push.bytes > bytes_max {
            return Err(ErrorCode::TelemetryTooLarge);
        }
        Ok(())
    }

    fn instance(&mut self, id: Uuid) -> &mut Instance {
        if !self.known.contains_key(&id) {
            if self.order.len() == INSTANCES_MAX
                && let Some(first) = self.order.pop_front()
            {
                self.known.remove(&first);
            }
            self.order.push_back(id);
        }
        self.known.entry(id).or_default()
    }
}

fn has_passed(last_ms: Option<i64>, interval_ms: i32, now_ms: i64) -> bool {
    last_ms.is_none_or(|last_ms| now_ms.saturating_sub(last_ms) >= i64::from(interval_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: Uuid = Uuid::from_u128(77);

    fn wanted() -> Wanted {
        Wanted {
            subscription_id: 5,
            interval_ms: 1_000,
            metrics: Vec::new(),
        }
    }

    fn push() -> Push {
        Push {
            id: ID,
            subscription_id: 5,
            terminating: false,
            compression_type: 0,
            bytes: 10,
        }
    }

    fn send(instances: &mut ClientInstances, push: Push, now_ms: i64) -> Option<ErrorCode> {
        instances.send(push, &wanted(), 100, now_ms).err()
    }

    #[test]
    fn an_instance_keeps_its_interval() {
        let mut instances = ClientInstances::default();
        let throttled = Some(ErrorCode::ThrottlingQuotaExceeded);
        assert_eq!(instances.ask(ID, 1_000, 0), Ok(()));
        assert_eq!(instances.ask(ID, 1_000, 999).err(), throttled);
        assert_eq!(
            send(&mut instances, push(), 500),
            None,
            "the first comes early"
        );
        assert_eq!(send(&mut instances, push(), 1_400), throttled);
        assert_eq!(send(&mut instances, push(), 1_500), None);
        let last = Push {
            terminating: true,
            ..push()
        };
        assert_eq!(send(&mut instances, last, 1_501), None, "the last one too");
        let invalid = Some(ErrorCode::InvalidRequest);
        assert_eq!(send(&mut instances, push(), 9_000), invalid);
    }

    #[test]
    fn what_is_wrong_has_its_own_code() {
        let wrong = |change: fn(&mut Push)| {
            let mut push = push();
            change(&mut push);
            send(&mut ClientInstances::default(), push, 0)
        };
        assert_eq!(
            wrong(|p| p.id = Uuid::ZERO),
            Some(ErrorCode::InvalidRequest)
        );
        assert_eq!(wrong(|p| p.id = RESERVED), Some(ErrorCode::InvalidRequest));
        let code = wrong(|p| p.subscription_id = 6);
        assert_eq!(code, Some(ErrorCode::UnknownSubscriptionId));
        let code = wrong(|p| p.compression_type = -1);
        assert_eq!(code, Some(ErrorCode::UnsupportedCompressionType));
        assert_eq!(wrong(|p| p.bytes = 101), Some(ErrorCode::TelemetryTooLarge));
    }

    #[test]
    fn a_client_that_must_ask_anew_need_not_wait() {
        let mut instances = ClientInstances::default();
        instances.ask(ID, 1_000, 0).unwrap();
        let stale = Push {
            subscription_id: 6,
            ..push()
        };
        assert!(send(&mut instances, stale, 10).is_some());
        assert_eq!(instances.ask(ID, 1_000, 20), Ok(()));
    }

    #[test]
    fn the_table_is_bounded() {
        let mut instances = ClientInstances::default();
        for number in 0..INSTANCES_MAX as u128 + 10 {
            instances.ask(Uuid::from_u128(number), 1_000, 0).unwrap();
        }
        assert_eq!(instances.known.len(), INSTANCES_MAX);
        assert_ne!(instances.new_id(), instances.new_id());
    }
}
