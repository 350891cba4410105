//! Bodies: every served API with every byte of a valid request damaged, and the primitives by name.

use protocol::api_key::ApiKey;
use protocol::codec::Writer;
use protocol::error_code::ErrorCode;
use protocol::messages as m;

use crate::broker::Broker;
use crate::client::{Client, Reply};
use crate::requests;
use crate::samples;

/// The correlation id of the request that follows each damaged one.
const PROBE: i32 = 77;

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
    for (key, version, frame) in samples::all() {
        assert!(outlives(&mut client, &frame), "{key:?} {version} undamaged");
        for frame in damaged(&frame) {
            // a fetch that may wait for long is no damage
            if key == ApiKey::Fetch
                && frame.len() > BODY + 8
                && frame[BODY..BODY + 9].contains(&0x7f)
            {
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
    assert!(
        answered > 500 && closed > 500,
        "{answered} answered, {closed} closed"
    );
    drop(client);
    broker.is_unharmed();
}

/// A body that is no request must close.
fn bodies_close(broker: &Broker, cases: &[(&str, ApiKey, i16, &[u8])]) {
    for (what, key, version, body) in cases {
        let mut client = broker.client();
        client.send_frame(&requests::request(*key, *version, |writer| {
            writer.raw(body)
        }));
        assert_eq!(client.reply(), Reply::Closed, "{what}");
    }
}

#[test]
fn counts_of_arrays_are_not_believed() {
    use ApiKey::{CreateTopics, Metadata};
    let broker = Broker::start();
    let null = [&[0xff; 4][..], &[0; 5]].concat();
    let fifty = [&50_i32.to_be_bytes()[..], &[0; 50]].concat();
    let greatest = [0x7f, 0xff, 0xff, 0xff];
    let greatest_compact = [0xff, 0xff, 0xff, 0xff, 0x0f];
    let six_bytes = [0x81, 0x80, 0x80, 0x80, 0x80, 0];
    let beyond_32_bits = [0xff, 0xff, 0xff, 0xff, 0x7f];
    bodies_close(
        &broker,
        &[
            ("count -2", Metadata, 1, &[0xff, 0xff, 0xff, 0xfe]),
            ("least count", Metadata, 1, &[0x80, 0, 0, 0]),
            ("greatest count", Metadata, 1, &greatest),
            ("null where there is none", CreateTopics, 2, &null),
            ("more elements than bytes", CreateTopics, 2, &fifty),
            ("greatest compact count", Metadata, 12, &greatest_compact),
            ("varint of six bytes", Metadata, 12, &six_bytes),
            ("varint beyond 32 bits", Metadata, 12, &beyond_32_bits),
        ],
    );
    broker.is_unharmed();
}

#[test]
fn lengths_of_strings_and_tags_are_not_believed() {
    use ApiKey::{DeleteTopics, DescribeCluster, InitProducerId};
    let broker = Broker::start();
    let four_gib = [0xff, 0xff, 0xff, 0xff, 0x0f];
    let null = [0, 0, 0, 1, 0xff, 0xff, 0, 0, 0, 0];
    let many_tags = [0, 0xff, 0xff, 0xff, 0x7f];
    let mut long = Writer::new();
    long.unsigned_varint(32_769);
    long.raw(&[b'x'; 32_768]);
    long.raw(&[0; 32]);
    bodies_close(
        &broker,
        &[
            ("string of 4 GiB", InitProducerId, 2, &four_gib),
            ("string of 32,768 bytes", InitProducerId, 2, long.as_slice()),
            ("length -2", InitProducerId, 0, &[0xff, 0xfe, 0, 0, 0, 0]),
            ("null where there is none", DeleteTopics, 1, &null),
            ("268 million tags", DescribeCluster, 0, &many_tags),
            ("tag beyond the frame", DescribeCluster, 0, &[0, 1, 0, 0x7f]),
        ],
    );
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
    client.send_frame(&requests::request(ApiKey::DescribeCluster, 0, |body| {
        body.raw(&[7, 0x80, 0])
    }));
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
    let response = <m::metadata_response::MetadataResponse as protocol::codec::Message>::decode(
        &mut reader,
        1,
    );
    let code = response.unwrap().topics[0].error_code;
    assert_eq!(code, ErrorCode::InvalidTopicException.code());
    broker.is_unharmed();
}
