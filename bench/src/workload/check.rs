//! The rules between the fields of a workload. Pure.

use super::Workload;
use super::knobs::{ConsumerKnobs, ProducerKnobs};

const ACTORS_MAX: u64 = 50_000;
const PARTITIONS_MAX: u64 = 1_000_000;

impl Workload {
    /// What is wrong with the workload as a whole.
    pub(crate) fn check(&self) -> Result<(), String> {
        let producer = ProducerKnobs::new(&self.producer_config)?;
        ConsumerKnobs::new(&self.consumer_config)?;
        self.check_topology()?;
        if !self.producer_rate.is_finite() || self.producer_rate < 0.0 {
            return Err("the rate must not be negative".to_owned());
        }
        if self.records.is_none() && self.duration().is_zero() {
            return Err("the run has neither a duration nor a number of records".to_owned());
        }
        for (name, ratio) in [
            ("abortRatio", self.abort_ratio),
            ("tombstoneRatio", self.tombstone_ratio),
        ] {
            if !(0.0..=1.0).contains(&ratio) {
                return Err(format!("{name} must be between 0 and 1"));
            }
        }
        if producer.transactional_id.is_some() {
            if self.transaction_records == 0 {
                return Err("a transaction has one record at least".to_owned());
            }
            if !self.is_closed() {
                return Err("transactional producers run closed: arrivals: closed".to_owned());
            }
        }
        if self.headers > 100 {
            return Err("a record has 100 headers at most".to_owned());
        }
        Ok(())
    }

    fn check_topology(&self) -> Result<(), String> {
        let topics = u64::from(self.topics());
        let partitions = topics * u64::from(self.partitions_per_topic);
        if topics == 0 || partitions == 0 || partitions > PARTITIONS_MAX {
            return Err(format!("between 1 and {PARTITIONS_MAX} partitions in all"));
        }
        let readers = u64::from(self.subscriptions_per_topic)
            .saturating_mul(u64::from(self.consumer_per_subscription));
        let each = u64::from(self.producers_per_topic).saturating_add(readers);
        let actors = topics.saturating_mul(each);
        let actors = actors.saturating_add(u64::from(self.idle_connections));
        if actors == 0 {
            return Err("there are neither producers nor consumers".to_owned());
        }
        if actors > ACTORS_MAX {
            return Err(format!(
                "{ACTORS_MAX} producers, consumers and connections at most"
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_go_together_is_refused_with_the_reason() {
        for (text, reason) in [
            ("topics: 0", "partitions in all"),
            ("producersPerTopic: 0", "neither producers nor consumers"),
            ("producersPerTopic: 60000", "at most"),
            ("producerRate: -1", "negative"),
            ("testDurationMinutes: 0", "neither a duration"),
            ("abortRatio: 2", "abortRatio"),
            ("producerConfig: {acks: 7}", "acks"),
            ("producerConfig: {transactional.id: t}", "closed"),
        ] {
            let error = Workload::parse(text).unwrap().check().unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
        assert!(Workload::default().check().is_ok());
    }
}
