//! `CreateDelegationToken` (38), `RenewDelegationToken` (39), `ExpireDelegationToken` (40),
//! `DescribeDelegationToken` (41): refused on a connection without TLS or SASL, as in Kafka. Pure.

use protocol::error_code::ErrorCode;
use protocol::messages::create_delegation_token_request::CreateDelegationTokenRequest;
use protocol::messages::create_delegation_token_response::CreateDelegationTokenResponse;
use protocol::messages::describe_delegation_token_request::DescribeDelegationTokenRequest;
use protocol::messages::describe_delegation_token_response::DescribeDelegationTokenResponse;
use protocol::messages::expire_delegation_token_request::ExpireDelegationTokenRequest;
use protocol::messages::expire_delegation_token_response::ExpireDelegationTokenResponse;
use protocol::messages::renew_delegation_token_request::RenewDelegationTokenRequest;
use protocol::messages::renew_delegation_token_response::RenewDelegationTokenResponse;

use crate::api::{Call, CloseReason, Outcome};

const REFUSED: ErrorCode = ErrorCode::DelegationTokenRequestNotAllowed;
/// Who a client is that has not said so.
const PRINCIPAL_TYPE: &str = "User";
const PRINCIPAL_NAME: &str = "ANONYMOUS";
const NEVER: i64 = -1;

pub(crate) fn create(call: &Call) -> Result<Outcome, CloseReason> {
    let request: CreateDelegationTokenRequest = call.request()?;
    let (principal_type, principal_name) =
        match (request.owner_principal_type, request.owner_principal_name) {
            (Some(kind), Some(name)) if !name.is_empty() => (kind, name),
            _ => (PRINCIPAL_TYPE.to_owned(), PRINCIPAL_NAME.to_owned()),
        };
    Ok(call.respond(&CreateDelegationTokenResponse {
        error_code: REFUSED.code(),
        principal_type,
        principal_name,
        token_requester_principal_type: PRINCIPAL_TYPE.to_owned(),
        token_requester_principal_name: PRINCIPAL_NAME.to_owned(),
        issue_timestamp_ms: NEVER,
        expiry_timestamp_ms: NEVER,
        max_timestamp_ms: NEVER,
        ..Default::default()
    }))
}

pub(crate) fn renew(call: &Call) -> Result<Outcome, CloseReason> {
    call.check::<RenewDelegationTokenRequest>()?;
    Ok(call.respond(&RenewDelegationTokenResponse {
        error_code: REFUSED.code(),
        expiry_timestamp_ms: NEVER,
        ..Default::default()
    }))
}

pub(crate) fn expire(call: &Call) -> Result<Outcome, CloseReason> {
    call.check::<ExpireDelegationTokenRequest>()?;
    Ok(call.respond(&ExpireDelegationTokenResponse {
        error_code: REFUSED.code(),
        expiry_timestamp_ms: NEVER,
        ..Default::default()
    }))
}

pub(crate) fn describe(call: &Call) -> Result<Outcome, CloseReason> {
    call.check::<DescribeDelegationTokenRequest>()?;
    Ok(call.respond(&DescribeDelegationTokenResponse {
        error_code: REFUSED.code(),
        ..Default::default()
    }))
}
