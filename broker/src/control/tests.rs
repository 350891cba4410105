//! The control thread as a whole: starts, restarts, crashes and damage, on real directories.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use protocol::messages::allocate_producer_ids_request::AllocateProducerIdsRequest;
use protocol::messages::create_topics_request::{CreatableTopic, CreateTopicsRequest};
use protocol::messages::delete_topics_request::DeleteTopicsRequest;

use crate::control::{
    Control, ControlError, ControlOptions, ControlRequest, ControlResponse, metadata_log,
};
use crate::controller::tests::{settings, topic};
use crate::metadata::delta::ImageChange;
use crate::metadata::image::{BrokerEndpoint, ClusterImage};

type Published = mpsc::Receiver<(Arc<ClusterImage>, Arc<ImageChange>)>;

fn options(data_dir: &Path) -> ControlOptions {
    ControlOptions {
        data_dir: data_dir.to_owned(),
        cluster_id: None,
        endpoints: vec![BrokerEndpoint {
            listener: String::from("PLAINTEXT"),
            host: String::from("localhost"),
            port: 9092,
            security_protocol: 0,
        }],
        rack: None,
        settings: settings(),
        snapshot_bytes: 1 << 30,
    }
}

fn start_with(options: ControlOptions) -> Result<(Control, Published), ControlError> {
    let (sender, receiver) = mpsc::channel();
    let publish = move |image, change| drop(sender.send((image, change)));
    Control::start(options, Box::new(publish)).map(|control| (control, receiver))
}

fn start(data_dir: &Path) -> (Control, Published) {
    start_with(options(data_dir)).unwrap()
}

fn ask(control: &Control, request: ControlRequest) -> ControlResponse {
    let (sender, receiver) = mpsc::channel();
    let reply = move |response| drop(sender.send(response));
    control.handle().submit(request, Box::new(reply)).unwrap();
    receiver
        .recv_timeout(Duration::from_secs(10))
        .expect("every request is answered")
}

fn create(control: &Control, topics: Vec<CreatableTopic>) {
    let request = CreateTopicsRequest {
        topics,
        ..Default::default()
    };
    let answer = ask(control, ControlRequest::CreateTopics(request));
    let ControlResponse::CreateTopics(response) = answer else {
        panic!("{answer:?}")
    };
    assert!(
        response.topics.iter().all(|topic| topic.error_code == 0),
        "{response:?}"
    );
}

fn newest(published: &Published, first: &Arc<ClusterImage>) -> Arc<ClusterImage> {
    published
        .try_iter()
        .last()
        .map_or_else(|| Arc::clone(first), |(image, _)| image)
}

/// The images without what each start changes: the registration and the position.
fn same_content(left: &ClusterImage, right: &ClusterImage) -> bool {
    (
        &left.topics,
        &left.configs,
        &left.features,
        left.next_producer_id,
        &left.cluster_id,
    ) == (
        &right.topics,
        &right.configs,
        &right.features,
        right.next_producer_id,
        &right.cluster_id,
    )
}

fn copy_directory(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_directory(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn metadata_files(data_dir: &Path, suffix: &str) -> Vec<String> {
    let directory = data_dir.join(metadata_log::DIRECTORY);
    let names = fs::read_dir(directory).unwrap();
    let mut names: Vec<String> = names
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.retain(|name| name.ends_with(suffix));
    names
}

#[test]
fn a_first_start_makes_a_cluster_with_this_broker_in_it() {
    let directory = tempfile::tempdir().unwrap();
    let (control, published) = start(directory.path());
    let (image, change) = published
        .try_recv()
        .expect("published before the start returns");
    assert!(change.initial);
    assert_eq!(&image, control.first_image());
    assert_eq!(image.feature("metadata.version"), 30);
    let broker = &image.brokers[&1];
    assert!(!broker.fenced);
    assert_eq!(broker.endpoint("PLAINTEXT").unwrap().port, 9092);
    let properties = fs::read_to_string(directory.path().join("meta.properties")).unwrap();
    assert!(properties.contains(&format!("cluster.id={}\n", image.cluster_id)));
    control.stop();
}

#[test]
fn what_was_acknowledged_is_there_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let (control, published) = start(directory.path());
    create(&control, vec![topic("a", 3, 1), topic("b", 1, 1)]);
    let delete = DeleteTopicsRequest {
        topic_names: vec![String::from("b")],
        ..Default::default()
    };
    let ControlResponse::DeleteTopics(_) = ask(&control, ControlRequest::DeleteTopics(delete, 5))
    else {
        panic!("deleted")
    };
    let epoch = control.first_image().brokers[&1].epoch;
    let allocate = AllocateProducerIdsRequest {
        broker_id: 1,
        broker_epoch: epoch,
    };
    let answer = ask(&control, ControlRequest::AllocateProducerIds(allocate));
    let ControlResponse::AllocateProducerIds(block) = answer else {
        panic!("allocated")
    };
    assert_eq!((block.producer_id_start, block.producer_id_len), (0, 1000));
    let before = newest(&published, control.first_image());
    assert_eq!(before.next_producer_id, 1000);
    control.stop();
    for _ in 0..3 {
        let (control, _published) = start(directory.path());
        let after = control.first_image();
        assert!(same_content(&before, after));
        assert!(after.brokers[&1].epoch > epoch);
        assert!(after.applied > before.applied);
        control.stop();
    }
}

#[test]
fn each_published_image_says_what_changed() {
    let directory = tempfile::tempdir().unwrap();
    let (control, published) = start(directory.path());
    create(&control, vec![topic("a", 3, 1)]);
    let changes: Vec<_> = published.try_iter().map(|(_, change)| change).collect();
    assert_eq!(changes.len(), 2);
    assert_eq!(&*changes[1].topics_created[0].name, "a");
    assert!(!changes[1].initial && !changes[1].brokers_changed);
    control.stop();
}

#[test]
fn a_crash_at_any_point_keeps_what_was_acknowledged() {
    let directory = tempfile::tempdir().unwrap();
    let crashed = tempfile::tempdir().unwrap();
    let (control, published) = start(directory.path());
    for round in 0..12 {
        create(
            &control,
            vec![topic(&format!("t{round}"), 1 + round * 7, 1)],
        );
        let acknowledged = newest(&published, control.first_image());
        // The files as they are now, with the process still running, are what a crash leaves.
        let copy = crashed.path().join(round.to_string());
        copy_directory(directory.path(), &copy);
        let (after, _published) = start(&copy);
        assert!(
            same_content(&acknowledged, after.first_image()),
            "round {round}"
        );
        after.stop();
    }
    control.stop();
}

#[test]
fn many_requests_at_once_are_all_answered_in_their_order() {
    let directory = tempfile::tempdir().unwrap();
    let (control, published) = start(directory.path());
    let (sender, receiver) = mpsc::channel();
    for number in 0..500 {
        let name = format!("t{}", number % 250);
        let request = CreateTopicsRequest {
            topics: vec![topic(&name, 1, 1)],
            ..Default::default()
        };
        let sender = sender.clone();
        let reply = move |response| drop(sender.send((number, response)));
        control
            .handle()
            .submit(ControlRequest::CreateTopics(request), Box::new(reply))
            .unwrap();
    }
    for expected in 0..500 {
        let (number, response) = receiver.recv_timeout(Duration::from_secs(10)).unwrap();
        let ControlResponse::CreateTopics(response) = response else {
            panic!("created")
        };
        let code = if expected < 250 { 0 } else { 36 };
        assert_eq!((number, response.topics[0].error_code), (expected, code));
    }
    assert_eq!(newest(&published, control.first_image()).topics.len(), 250);
    control.stop();
}

#[test]
fn a_snapshot_takes_the_place_of_the_log_behind_it() {
    let directory = tempfile::tempdir().unwrap();
    let mut small = options(directory.path());
    small.snapshot_bytes = 4096;
    let (control, published) = start_with(small).unwrap();
    for round in 0..60 {
        create(&control, vec![topic(&format!("t{round}"), 3, 1)]);
    }
    let before = newest(&published, control.first_image());
    control.stop();
    assert_eq!(metadata_files(directory.path(), ".checkpoint").len(), 1);
    let segments = metadata_files(directory.path(), ".log");
    assert_eq!(segments.len(), 1);
    assert_ne!(segments[0], format!("{:020}.log", 0));
    let (control, _published) = start(directory.path());
    assert!(same_content(&before, control.first_image()));
    create(&control, vec![topic("after", 1, 1)]);
    control.stop();
    let (control, _published) = start(directory.path());
    assert_eq!(control.first_image().topics.len(), 61);
    control.stop();
}

#[test]
fn a_log_that_is_damaged_in_its_middle_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let (control, _published) = start(directory.path());
    create(&control, vec![topic("a", 3, 1)]);
    create(&control, vec![topic("b", 3, 1)]);
    control.stop();
    let segment = metadata_files(directory.path(), ".log").remove(0);
    let path = directory.path().join(metadata_log::DIRECTORY).join(segment);
    let mut bytes = fs::read(&path).unwrap();
    bytes[100] ^= 1;
    fs::write(&path, bytes).unwrap();
    let refusal = start_with(options(directory.path()))
        .err()
        .map(|error| error.to_string());
    assert!(refusal.is_some_and(|text| text.contains("damaged at byte")));
}

#[test]
fn a_torn_last_write_is_cut_and_the_log_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let (control, _published) = start(directory.path());
    create(&control, vec![topic("a", 3, 1)]);
    create(&control, vec![topic("b", 3, 1)]);
    control.stop();
    let segment = metadata_files(directory.path(), ".log").remove(0);
    let path = directory.path().join(metadata_log::DIRECTORY).join(segment);
    let mut bytes = fs::read(&path).unwrap();
    bytes.truncate(bytes.len() - 3);
    bytes.resize(bytes.len().next_multiple_of(4096), 0);
    fs::write(&path, bytes).unwrap();
    let (control, _published) = start(directory.path());
    let names: Vec<_> = control.first_image().topics.sorted();
    assert_eq!(
        names.iter().map(|topic| &*topic.name).collect::<Vec<_>>(),
        ["a"]
    );
    create(&control, vec![topic("b", 1, 1)]);
    control.stop();
    let (control, _published) = start(directory.path());
    assert_eq!(control.first_image().topics.len(), 2);
    control.stop();
}

#[test]
fn a_directory_of_another_node_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    start(directory.path()).0.stop();
    let mut other = options(directory.path());
    other.settings.node_id = 2;
    assert!(start_with(other).is_err());
    let mut other = options(directory.path());
    other.cluster_id = Some(String::from("another"));
    assert!(start_with(other).is_err());
}

/// Catches the executor's wrong choice to poll for completions, at 4 ms a write: with it no attempt is
/// prompt, without it one of them is also on a busy machine.
#[test]
fn a_commit_takes_no_longer_than_the_disk_does() {
    const WRITES: u32 = 10;
    let directory = tempfile::tempdir().unwrap();
    let (control, _published) = start(directory.path());
    let mut plain = fs::File::create(directory.path().join("plain")).unwrap();
    let is_prompt = (0..20).any(|attempt| {
        let begin = storage::clock::monotonic();
        for _ in 0..WRITES {
            std::io::Write::write_all(&mut plain, &[1; 4096]).unwrap();
            plain.sync_data().unwrap();
        }
        let of_disk = storage::clock::monotonic() - begin;
        let begin = storage::clock::monotonic();
        for write in 0..WRITES {
            create(&control, vec![topic(&format!("t{attempt}-{write}"), 1, 1)]);
        }
        let of_commits = storage::clock::monotonic() - begin;
        of_commits < of_disk * 3 + Duration::from_millis(2) * WRITES
    });
    control.stop();
    assert!(is_prompt, "each commit waits for more than the disk");
}

#[test]
fn a_request_after_the_end_is_answered() {
    let directory = tempfile::tempdir().unwrap();
    let (control, _published) = start(directory.path());
    let handle = control.handle();
    control.stop();
    let (sender, receiver) = mpsc::channel();
    let reply = move |response| drop(sender.send(response));
    let request = ControlRequest::CreateTopics(CreateTopicsRequest::default());
    handle.submit(request, Box::new(reply)).unwrap();
    assert_eq!(
        receiver.recv_timeout(Duration::from_secs(5)),
        Ok(ControlResponse::Unavailable)
    );
}
