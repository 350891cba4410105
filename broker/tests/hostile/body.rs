//! Bodies: every served API with every byte of a valid request damaged, and the primitives by name.

use protocol::api_key::ApiKey;
use protocol::codec::{Request, Writer};
use protocol::error_code::ErrorCode;
use protocol::messages as m;

use crate::broker::{Broker, HONEST};
use crate::client::{Client, Reply};
use crate::requests;

/// The correlation id of the request that follows each damaged one.
const PROBE: i32 = 77;

/// A valid request of one API and version, header included.
type Sample = (ApiKey, i16, Vec<u8>);

fn sample<R: Request>(request: &R) -> impl Iterator<Item = Sample> {
    let versions = [R::KEY.versions().min, R::KEY.versions().max];
    versions.into_iter().map(|version| {
        let frame = requests::request(R::KEY, version, |body| request.encode(body, version));
        (R::KEY, version, frame)
    })
}

fn samples() -> Vec<Sample> {
    let name = HONEST.to_owned();
    let mut all = Vec::new();
    let batch = requests::batch(&[(None, None)]);
    all.extend(sample(&requests::produce(HONEST, -1, vec![(0, Some(batch))])));
    all.extend(sample(&requests::fetch(HONEST, 0)));
    all.extend(sample(&requests::create_topic("sample", 1, &[("retention.ms", "1")])));
    all.extend(sample(&m::list_offsets_request::ListOffsetsRequest {
        topics: vec![m::list_offsets_request::ListOffsetsTopic {
            name: name.clone(),
            partitions: vec![Default::default()],
        }],
        ..Default::default()
    }));
    all.extend(sample(&m::metadata_request::MetadataRequest {
        topics: Some(vec![m::metadata_request::MetadataRequestTopic {
            name: Some(name.clone()),
            ..Default::default()
        }]),
        ..Default::default()
    }));
    all.extend(sample(&m::find_coordinator_request::FindCoordinatorRequest {
        key: "group".to_owned(),
        coordinator_keys: vec!["group".to_owned()],
        ..Default::default()
    }));
    all.extend(sample(&m::api_versions_request::ApiVersionsRequest {
        client_software_name: "a".to_owned(),
        client_software_version: "1".to_owned(),
    }));
    all.extend(sample(&m::delete_topics_request::DeleteTopicsRequest {
        topics: vec![m::delete_topics_request::DeleteTopicState {
            name: Some("absent".to_owned()),
            ..Default::default()
        }],
        topic_names: vec!["absent".to_owned()],
        ..Default::default()
    }));
    all.extend(sample(&m::init_producer_id_request::InitProducerIdRequest::default()));
    all.extend(sample(&m::offset_for_leader_epoch_request::OffsetForLeaderEpochRequest {
        topics: vec![m::offset_for_leader_epoch_request::OffsetForLeaderTopic {
            topic: name.clone(),
            partitions: vec![Default::default()],
        }],
        ..Default::default()
    }));
    all.extend(sample(&m::describe_configs_request::DescribeConfigsRequest {
        resources: vec![m::describe_configs_request::DescribeConfigsResource {
            resource_type: 2,
            resource_name: name.clone(),
            configuration_keys: Some(vec!["retention.ms".to_owned()]),
        }],
        ..Default::default()
    }));
    all.extend(sample(&m::create_partitions_request::CreatePartitionsRequest {
        topics: vec![m::create_partitions_request::CreatePartitionsTopic {
            name: "absent".to_owned(),
            count: 2,
            assignments: Some(vec![Default::default()]),
        }],
        ..Default::default()
    }));
    all.extend(sample(&m::incremental_alter_configs_request::IncrementalAlterConfigsRequest {
        resources: vec![m::incremental_alter_configs_request::AlterConfigsResource {
            resource_type: 2,
            resource_name: "absent".to_owned(),
            configs: vec![Default::default()],
        }],
        ..Default::default()
    }));
    all.extend(sample(&m::alter_configs_request::AlterConfigsRequest {
        resources: vec![m::alter_configs_request::AlterConfigsResource {
            resource_type: 2,
            resource_name: "absent".to_owned(),
            configs: vec![Default::default()],
        }],
        ..Default::default()
    }));
    all.extend(sample(&m::describe_cluster_request::DescribeClusterRequest::default()));
    all.extend(sample(
        &m::describe_topic_partitions_request::DescribeTopicPartitionsRequest {
            topics: vec![m::describe_topic_partitions_request::TopicRequest { name }],
            cursor: Some(Default::default()),
            ..Default::default()
        },
    ));
    all
}

/// The header, which other tests damage, ends here at the latest.
const BODY: usize = 11;

/// A frame cut short and a frame with wrong bytes, for every place of its body.
fn damaged(frame: &[u8]) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for place in BODY..frame.len() {
        all.push(frame[..place].to_vec());
        for bytes in [&[0x7f, 0xff, 0xff, 0xff][..], &[0x80, 0, 0, 0], &[0xff; 5]] {
            let mut changed = frame.to_vec();
            let end = changed.len().min(place + bytes.len());
            changed[place..end].copy_from_slice(&bytes[..end - place]);
            all.push(changed);
        }
    }
    all
}

/// Whether the connection still answers in order after this frame.
fn outlives(client: &mut Client, frame: &[u8]) -> bool {
    let mut probe = requests::api_versions();
    probe[4..8].copy_from_slice(&PROBE.to_be_bytes());
    client.send(&[requests::framed(frame), requests::framed(&probe)].concat());
    for _ in 0..2 {
        match client.reply() {
            Reply::Closed => return false,
            Reply::Frame(answer) if answer[..4] == PROBE.to_be_bytes() => return true,
            // to the damaged one, unless it had become a produce without acks
            Reply::Frame(_) => {}
        }
    }
    panic!("more answers than requests");
}

#[test]
fn damaged_requests_are_answered_or_closed() {
    let broker = Broker::start();
    let mut client = broker.client();
    let (mut answered, mut closed) = (0, 0);
    for (key, version, frame) in samples() {
        assert!(outlives(&mut client, &frame), "{key:?} {version} undamaged");
        for frame in damaged(&frame) {
            // a fetch that may wait for long is no damage
            if key == ApiKey::Fetch && frame.len() > BODY + 8 && frame[BODY..BODY + 9].iter().any(|byte| *byte == 0x7f) {
                continue;
            }
            if outlives(&mut client, &frame) {
                answered += 1;
            } else {
                closed += 1;
                client = broker.client();
            }
        }
    }
    assert!(answered > 500 && closed > 500, "{answered} answered, {closed} closed");
    drop(client);
    broker.is_unharmed();
}

/// A body that is no request must close.
fn bodies_close(broker: &Broker, cases: &[(&str, ApiKey, i16, &[u8])]) {
    for (what, key, version, body) in cases {
        let mut client = broker.client();
        client.send_frame(&requests::request(*key, *version, |writer| writer.raw(body)));
        assert_eq!(client.reply(), Reply::Closed, "{what}");
    }
}

#[test]
fn counts_and_lengths_are_not_believed() {
    use ApiKey::{CreateTopics, DeleteTopics, DescribeCluster, InitProducerId, Metadata};
    let broker = Broker::start();
    let (minus_2, minus_1, least, greatest) =
        ([0xff, 0xff, 0xff, 0xfe], [0xff; 4], [0x80, 0, 0, 0], [0x7f, 0xff, 0xff, 0xff]);
    let fifty = [&50_i32.to_be_bytes()[..], &[0; 50]].concat();
    bodies_close(&broker, &[
        ("array count -2", Metadata, 1, &minus_2),
        ("least array count", Metadata, 1, &least),
        ("null for an array that may not be", CreateTopics, 2, &[&minus_1[..], &[0; 5]].concat()),
        ("greatest array count", Metadata, 1, &greatest),
        ("more elements than bytes", CreateTopics, 2, &fifty),
        ("greatest compact count", Metadata, 12, &[0xff, 0xff, 0xff, 0xff, 0x0f]),
        ("varint of six bytes", Metadata, 12, &[0x81, 0x80, 0x80, 0x80, 0x80, 0]),
        ("varint beyond 32 bits", Metadata, 12, &[0xff, 0xff, 0xff, 0xff, 0x7f]),
        ("compact string of 4 GiB", InitProducerId, 2, &[0xff, 0xff, 0xff, 0xff, 0x0f]),
        ("string length -2", InitProducerId, 0, &[0xff, 0xfe, 0, 0, 0, 0]),
        ("null for a string that may not be", DeleteTopics, 1, &[0, 0, 0, 1, 0xff, 0xff, 0, 0, 0, 0]),
        ("268 million tags", DescribeCluster, 0, &[0, 0xff, 0xff, 0xff, 0x7f]),
        ("a tag beyond the frame", DescribeCluster, 0, &[0, 1, 0, 0x7f]),
    ]);
    let mut long = Writer::new();
    long.unsigned_varint(32_769);
    long.raw(&[b'x'; 32_768]);
    long.raw(&[0; 32]);
    let long: &[u8] = long.as_slice();
    bodies_close(&broker, &[("a string of 32,768 bytes", InitProducerId, 2, long)]);
    broker.is_unharmed();
}

#[test]
fn nested_counts_are_bounded_by_the_frame() {
    let broker = Broker::start();
    let before = broker.peak_memory();
    // each level says that it has a thousand; there are bytes for none of the innermost
    let mut frame = requests::request(ApiKey::CreateTopics, 2, |body| {
        body.i32(1_000);
        body.string("t");
        body.raw(&[0; 6]);
        body.i32(1_000);
        body.i32(0);
        body.i32(1_000);
    });
    frame.resize(20_000, 0);
    for _ in 0..50 {
        let mut client = broker.client();
        client.send_frame(&frame);
        client.is_closed();
    }
    assert!(broker.peak_memory() - before < 16 << 20);
    broker.is_unharmed();
}

#[test]
fn lenient_primitives_are_lenient() {
    let broker = Broker::start();
    let mut client = broker.client();
    // a bool of 7, and lengths in more bytes than they need
    client.send_frame(&requests::request(ApiKey::DescribeCluster, 0, |body| body.raw(&[7, 0x80, 0])));
    assert_eq!(client.frame()[9..11], [0, 0], "no error");
    // a topic whose name is no utf-8
    let frame = requests::request(ApiKey::Metadata, 1, |body| {
        body.i32(1);
        body.i16(2);
        body.raw(b"\xff\xfe");
    });
    client.send_frame(&frame);
    let mut reader = protocol::codec::Reader::new(client.frame());
    assert_eq!(reader.i32(), Ok(1));
    let response = <m::metadata_response::MetadataResponse as protocol::codec::Message>::decode(&mut reader, 1);
    let code = response.unwrap().topics[0].error_code;
    assert_eq!(code, ErrorCode::InvalidTopicException.code());
    broker.is_unharmed();
}
