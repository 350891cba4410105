//! A coordinator on a shard of its own, whose journal is full when it says so.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use protocol::types::Uuid;
use storage::extent::{ExtentPool, PoolOptions};
use storage::log::{Log, LogId};
use storage::ring::{Ring, RingOptions};
use storage::store::{Durability, Store, StoreOptions};
use storage::tasks;

use super::machine::Machine;
use super::running::Running;
use crate::config::Settings;
use crate::config::effective;
use crate::config::load::{Inputs, Override, load};
use crate::control;
use crate::metadata::image::TRANSACTION_STATE_TOPIC;
use crate::partition::Partition;
use crate::partition::config::log_config;
use crate::shard::mailbox::{Lanes, Mailbox};
use crate::shard::{Parts, Shard, append_order};
use crate::txn::init::{InitOutcome, InitRequest};
use crate::txn::transactions::Transactions;

/// Longer than anything here takes that does not have to wait.
const A_MOMENT: Duration = Duration::from_millis(50);

fn settings(dir: &Path) -> Arc<Settings> {
    let set = |name: &str, value: &str| Override {
        name: name.to_owned(),
        value: value.to_owned(),
        flag: "--override",
    };
    let inputs = Inputs {
        file: None,
        mounted_file: PathBuf::from("/nonexistent/server.properties"),
        environment: Vec::new(),
        overrides: vec![
            set("log.dirs", &dir.to_string_lossy()),
            set("millrace.shards", "1"),
        ],
    };
    let machine = effective::Machine {
        cores: 1,
        host_name: "box".to_owned(),
    };
    Arc::new(load(&inputs, &machine).unwrap().0)
}

/// Runs `body` with a shard that is alone, and the coordinator of one partition on it.
fn with_coordinator<Fut: Future<Output = ()>>(
    body: impl FnOnce(Rc<Shard>, Rc<Running<Transactions>>) -> Fut,
) {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path());
    let ring = Ring::new(&RingOptions::default()).unwrap();
    let handle = ring.clone();
    tasks::block_on(&handle, async move {
        let pool = ExtentPool::new(PoolOptions {
            idle_bytes_max: 1 << 20,
        });
        let options = StoreOptions {
            data_dir: settings.data_dir.clone(),
            journal_bytes: 8 << 20,
            tail_bytes_max: 8 << 20,
            durability: Durability::Durable,
            shard: 0,
        };
        let store = Store::open(ring.clone(), pool.clone(), options);
        let lanes = Lanes::new(vec![ring.notifier()], 16);
        let parts = Parts {
            mailbox: Mailbox::new(0, lanes, ring.clone()),
            ring,
            pool,
            store: store.await.unwrap(),
            control: control::channel().0,
            fenced: Arc::default(),
        };
        let shard = Rc::new(Shard::new(0, settings, parts));
        let id = LogId {
            topic_id: Uuid::from_bytes([7; 16]),
            topic: TRANSACTION_STATE_TOPIC.into(),
            partition: 0,
        };
        let topic = &shard.settings.topics.defaults;
        let config = log_config(topic, &shard.settings, (id.topic_id, id.partition), true);
        let log = Log::open(&shard.store, id, config).await.unwrap();
        let partition = Rc::new(Partition::new(log, 0));
        let machine = Transactions::new(&shard.settings);
        let running = Running::start(&shard, 0, partition, machine);
        body(Rc::clone(&shard), Rc::clone(&running)).await;
        running.end(&shard);
        shard.store.close().await.unwrap();
    });
}

#[test]
fn what_a_read_saw_is_durable_even_if_it_had_to_wait_for_room_in_the_journal() {
    with_coordinator(async |shard, running| {
        let full = append_order::no_room(&shard).await;
        let request = InitRequest {
            transactional_id: "id".to_owned(),
            timeout_ms: 1000,
            expected: None,
        };
        let (at, coordinator) = (Rc::clone(&shard), Rc::clone(&running));
        let written = tasks::spawn(async move {
            let rule =
                |transactions: &mut Transactions, now| transactions.init(&request, Some(7), now);
            coordinator.write(&at, rule).await
        });
        let (at, coordinator) = (Rc::clone(&shard), Rc::clone(&running));
        let seen = tasks::spawn(async move {
            let look = |transactions: &Transactions| transactions.describe("id").error_code;
            coordinator.read(&at, look).await
        });
        tasks::sleep(A_MOMENT).await;
        assert!(!written.is_finished(), "there is no room");
        assert!(!seen.is_finished(), "it rests on a record that is nowhere");
        drop(full);
        assert!(matches!(written.await, Ok(InitOutcome::Ready(_))));
        assert_eq!(seen.await, Ok(0));
    });
}
