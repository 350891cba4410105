//! `UnregisterBroker`: takes a broker that is gone out of the cluster. Pure.

use protocol::error_code::ErrorCode;
use protocol::messages::metadata::unregister_broker_record::UnregisterBrokerRecord;
use protocol::messages::unregister_broker_request::UnregisterBrokerRequest;
use protocol::messages::unregister_broker_response::UnregisterBrokerResponse;

use crate::controller::{ControllerSettings, Outcome, Refusal};
use crate::metadata::image::ClusterImage;
use crate::metadata::records::MetadataRecord;

pub(crate) fn unregister_broker(
    image: &ClusterImage,
    request: &UnregisterBrokerRequest,
    settings: &ControllerSettings,
) -> Outcome<UnregisterBrokerResponse> {
    match decide(image, request.broker_id, settings.node_id) {
        Ok(record) => (vec![record], UnregisterBrokerResponse::default()),
        Err(refusal) => {
            let response = UnregisterBrokerResponse {
                error_code: refusal.code.code(),
                error_message: refusal.message,
                ..Default::default()
            };
            (Vec::new(), response)
        }
    }
}

fn decide(image: &ClusterImage, id: i32, own: i32) -> Result<MetadataRecord, Refusal> {
    let Some(broker) = image.brokers.get(&id) else {
        let text = format!("Broker ID {id} is not currently registered");
        return Err(Refusal::new(ErrorCode::BrokerIdNotRegistered, text));
    };
    if id == own {
        // Kafka obeys, and serves no partition from then on
        let text = format!("Broker ID {id} runs and serves this cluster; stop it first");
        return Err(Refusal::new(ErrorCode::InvalidRequest, text));
    }
    let record = UnregisterBrokerRecord {
        broker_id: id,
        broker_epoch: broker.epoch,
    };
    Ok(record.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::tests::{apply, cluster, settings};

    #[test]
    fn only_another_broker_that_is_registered_goes() {
        let image = cluster(2);
        let ask = |broker_id| {
            unregister_broker(&image, &UnregisterBrokerRequest { broker_id }, &settings())
        };
        for (id, code) in [
            (1, ErrorCode::InvalidRequest),
            (77, ErrorCode::BrokerIdNotRegistered),
            (-1, ErrorCode::BrokerIdNotRegistered),
        ] {
            let (records, response) = ask(id);
            assert_eq!((records.len(), response.error_code), (0, code.code()));
        }
        let (records, response) = ask(2);
        assert_eq!(response.error_code, 0);
        assert!(!apply(&image, &records).brokers.contains_key(&2));
    }
}
