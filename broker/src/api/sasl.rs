//! `SaslHandshake` (17) and `SaslAuthenticate` (36) on a listener without SASL: Kafka's answers. Pure.

use protocol::error_code::ErrorCode;
use protocol::messages::sasl_authenticate_request::SaslAuthenticateRequest;
use protocol::messages::sasl_authenticate_response::SaslAuthenticateResponse;
use protocol::messages::sasl_handshake_request::SaslHandshakeRequest;
use protocol::messages::sasl_handshake_response::SaslHandshakeResponse;

use crate::api::{Call, CloseReason, Outcome};

pub(crate) fn handshake(call: &Call) -> Result<Outcome, CloseReason> {
    call.check::<SaslHandshakeRequest>()?;
    Ok(call.respond(&SaslHandshakeResponse {
        error_code: ErrorCode::IllegalSaslState.code(),
        ..Default::default()
    }))
}

pub(crate) fn authenticate(call: &Call) -> Result<Outcome, CloseReason> {
    call.check::<SaslAuthenticateRequest>()?;
    let text = "SaslAuthenticate request received after successful authentication";
    Ok(call.respond(&SaslAuthenticateResponse {
        error_code: ErrorCode::IllegalSaslState.code(),
        error_message: Some(text.to_owned()),
        ..Default::default()
    }))
}
