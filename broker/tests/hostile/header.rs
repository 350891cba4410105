//! The request header: keys, versions, client ids, correlation ids, tagged fields.

use protocol::api_key::ApiKey;
use protocol::codec::{Reader, Writer};
use protocol::error_code::ErrorCode;
use protocol::messages::api_versions_request::ApiVersionsRequest;
use protocol::messages::api_versions_response::ApiVersionsResponse;

use crate::broker::Broker;
use crate::requests;

#[test]
fn unknown_keys_and_versions_close() {
    let broker = Broker::start();
    let key = |key: ApiKey| key.code();
    let unserved = [
        (9999, 0),
        (-1, 0),
        (32_767, 0),
        (key(ApiKey::Produce), 2),
        (key(ApiKey::Produce), 14),
        (key(ApiKey::Fetch), 3),
        (key(ApiKey::Fetch), -1),
        (key(ApiKey::Metadata), 14),
        (key(ApiKey::Metadata), i16::MAX),
        (key(ApiKey::CreateTopics), 1),
    ];
    for (key, version) in unserved {
        let mut client = broker.client();
        let mut frame = requests::header(key, version);
        frame.raw(&[0; 32]);
        client.send_frame(frame.as_slice());
        client.is_closed();
    }
    broker.logs("connection closed: api key 3 version 14 is not served here");
    broker.is_unharmed();
}

#[test]
fn requests_between_brokers_close_on_a_listener_for_clients() {
    let broker = Broker::start();
    let internal = [
        4,  // LeaderAndIsr
        27, // WriteTxnMarkers
        52, // Vote
        53, // BeginQuorumEpoch
        56, // AlterPartition
        58, // Envelope
        62, // BrokerRegistration
        67, // AllocateProducerIds
    ];
    for key in internal {
        let mut client = broker.client();
        let mut frame = requests::header(key, 0);
        frame.raw(&[0; 32]);
        client.send_frame(frame.as_slice());
        client.is_closed();
    }
    broker.is_unharmed();
}

#[test]
fn any_version_of_api_versions_is_answered() {
    let broker = Broker::start();
    for version in [5, 127, i16::MAX, -1, i16::MIN] {
        let mut client = broker.client();
        let frame = requests::request(ApiKey::ApiVersions, version, |body| body.raw(&[0xff; 9]));
        client.send_frame(&frame);
        let mut reader = Reader::new(client.frame());
        assert_eq!(reader.i32(), Ok(1), "the correlation id");
        let response = decode::<ApiVersionsResponse>(&mut reader);
        assert_eq!(response.error_code, ErrorCode::UnsupportedVersion.code());
        let itself = response
            .api_keys
            .iter()
            .find(|key| key.api_key == 18)
            .unwrap();
        assert_eq!((itself.min_version, itself.max_version), (0, 4));
        assert!(
            client.call(4, &software("a", "1")).error_code == 0,
            "the connection goes on"
        );
    }
    broker.is_unharmed();
}

fn decode<M: protocol::codec::Message>(reader: &mut Reader) -> M {
    M::decode(reader, 0).unwrap()
}

fn software(name: &str, version: &str) -> ApiVersionsRequest {
    ApiVersionsRequest {
        client_software_name: name.to_owned(),
        client_software_version: version.to_owned(),
    }
}

#[test]
fn software_names_that_kip_511_forbids_are_refused() {
    let broker = Broker::start();
    let mut client = broker.client();
    for bad in ["", "-a", "a.", "a b", "a\n", "\u{1b}[31m", "a_b"] {
        let response = client.call(3, &software(bad, "1.0"));
        assert_eq!(
            response.error_code,
            ErrorCode::InvalidRequest.code(),
            "{bad:?}"
        );
    }
    assert_eq!(
        client
            .call(3, &software("apache-kafka-java", "4.3.0"))
            .error_code,
        0
    );
    broker.is_unharmed();
}

#[test]
fn client_ids_are_bounded_by_the_frame() {
    let broker = Broker::start();
    for declared in [-2, i16::MIN, 30_000] {
        let mut client = broker.client();
        client.send_frame(&with_client_id(declared, b"ab"));
        client.is_closed();
    }
    let mut client = broker.client();
    client.send_frame(&with_client_id(-1, b""));
    assert_eq!(client.frame()[4..6], [0, 0], "a null client id is fine");
    broker.is_unharmed();
}

#[test]
fn client_ids_of_any_bytes_do_no_harm_to_the_log() {
    let broker = Broker::start();
    let long = vec![b'x'; 32_000];
    let ids: [&[u8]; 5] = [
        b"\xff\xfe\x80",
        b"a\0b",
        b"a\nWARN forged line",
        b"\x1b[2J\x1b[31m",
        &long,
    ];
    for id in ids {
        let mut client = broker.client();
        let length = i16::try_from(id.len()).unwrap();
        client.send_frame(&with_client_id(length, id));
        assert_eq!(client.frame()[4..6], [0, 0]);
        let mut malformed = with_client_id(length, id);
        malformed[..2].copy_from_slice(&ApiKey::Metadata.code().to_be_bytes());
        malformed[3] = 1;
        client.send_frame(&malformed);
        client.is_closed();
    }
    broker.logs("cannot read the Metadata");
    let log = broker.log();
    assert!(!log.contains('\u{1b}') && !log.contains('\0'), "{log:?}");
    assert!(!log.contains("forged") && !log.contains("xxxx"), "{log}");
    broker.is_unharmed();
}

/// An `ApiVersions` request of version 0 with this client id.
fn with_client_id(length: i16, bytes: &[u8]) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.i16(ApiKey::ApiVersions.code());
    writer.i16(0);
    writer.i32(1);
    writer.i16(length);
    writer.raw(bytes);
    writer.as_slice().to_vec()
}

#[test]
fn correlation_ids_are_echoed_whatever_they_are() {
    let broker = Broker::start();
    let mut client = broker.client();
    let ids = [-1, i32::MIN, 7, 7, i32::MAX, 0];
    for id in ids {
        let mut frame = requests::api_versions();
        frame[4..8].copy_from_slice(&id.to_be_bytes());
        client.send_frame(&frame);
    }
    for id in ids {
        assert_eq!(client.frame()[..4], id.to_be_bytes());
    }
    broker.is_unharmed();
}

#[test]
fn tagged_fields_of_the_header_are_skipped_and_limited() {
    let broker = Broker::start();
    let with_tags = |tags: &[u8]| {
        let mut writer = requests::header(ApiKey::ApiVersions.code(), 3);
        writer.raw(tags);
        writer.compact_string("a");
        writer.compact_string("1");
        writer.empty_tagged_fields();
        writer.as_slice().to_vec()
    };
    let mut client = broker.client();
    // three unknown ones: in order, out of order, the same twice
    for tags in [
        &[2, 1, 1, 0, 9, 0][..],
        &[2, 9, 0, 1, 0],
        &[2, 5, 0, 5, 1, 9],
    ] {
        client.send_frame(&with_tags(tags));
        assert_eq!(client.frame()[4..6], [0, 0], "{tags:?}");
    }
    let declared_268_million = [0xff, 0xff, 0xff, 0x7f, 0, 0, 0];
    let size_beyond_the_frame = [1, 0, 0xff, 0xff, 0x7f];
    for tags in [&declared_268_million[..], &size_beyond_the_frame] {
        let mut client = broker.client();
        client.send_frame(&with_tags(tags));
        client.is_closed();
    }
    broker.is_unharmed();
}

#[test]
fn twenty_million_real_tags_cost_no_memory() {
    let broker = Broker::start();
    let before = broker.peak_memory();
    let mut writer = requests::header(ApiKey::ApiVersions.code(), 3);
    writer.unsigned_varint(20_000_000);
    let mut frame = writer.as_slice().to_vec();
    frame.resize(frame.len() + 40_000_000, 0);
    let mut client = broker.client();
    client.send_frame(&frame);
    client.is_closed();
    let cost = broker.peak_memory().saturating_sub(before);
    assert!(cost < 96 << 20, "{} MiB", cost >> 20);
    broker.is_unharmed();
}
