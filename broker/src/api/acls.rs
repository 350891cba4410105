//! `DescribeAcls` (29), `CreateAcls` (30), `DeleteAcls` (31): there is no authorizer, and the
//! answers say so as Kafka's do. Pure.
//!
//! As in Kafka an element whose kind is 0, which means unknown, closes the connection.

use protocol::error_code::ErrorCode;
use protocol::messages::create_acls_request::CreateAclsRequest;
use protocol::messages::create_acls_response::{AclCreationResult, CreateAclsResponse};
use protocol::messages::delete_acls_request::DeleteAclsRequest;
use protocol::messages::delete_acls_response::{DeleteAclsFilterResult, DeleteAclsResponse};
use protocol::messages::describe_acls_request::DescribeAclsRequest;
use protocol::messages::describe_acls_response::DescribeAclsResponse;

use crate::api::{Call, CloseReason, Outcome};

const UNKNOWN: i8 = 0;
const NO_AUTHORIZER: &str = "No Authorizer is configured.";

pub(crate) fn describe(call: &Call) -> Result<Outcome, CloseReason> {
    let request: DescribeAclsRequest = call.request()?;
    check(
        call,
        [
            request.resource_type_filter,
            request.pattern_type_filter,
            request.operation,
            request.permission_type,
        ],
    )?;
    Ok(call.respond(&DescribeAclsResponse {
        error_code: ErrorCode::SecurityDisabled.code(),
        error_message: Some("No Authorizer is configured on the broker".to_owned()),
        ..Default::default()
    }))
}

pub(crate) fn create(call: &Call) -> Result<Outcome, CloseReason> {
    let request: CreateAclsRequest = call.request()?;
    for acl in &request.creations {
        check(
            call,
            [
                acl.resource_type,
                acl.resource_pattern_type,
                acl.operation,
                acl.permission_type,
            ],
        )?;
    }
    let disabled = AclCreationResult {
        error_code: ErrorCode::SecurityDisabled.code(),
        error_message: Some(NO_AUTHORIZER.to_owned()),
    };
    Ok(call.respond(&CreateAclsResponse {
        results: vec![disabled; request.creations.len()],
        ..Default::default()
    }))
}

pub(crate) fn delete(call: &Call) -> Result<Outcome, CloseReason> {
    let request: DeleteAclsRequest = call.request()?;
    for filter in &request.filters {
        check(
            call,
            [
                filter.resource_type_filter,
                filter.pattern_type_filter,
                filter.operation,
                filter.permission_type,
            ],
        )?;
    }
    let disabled = DeleteAclsFilterResult {
        error_code: ErrorCode::SecurityDisabled.code(),
        error_message: Some(NO_AUTHORIZER.to_owned()),
        ..Default::default()
    };
    Ok(call.respond(&DeleteAclsResponse {
        filter_results: vec![disabled; request.filters.len()],
        ..Default::default()
    }))
}

fn check(call: &Call, kinds: [i8; 4]) -> Result<(), CloseReason> {
    if kinds.contains(&UNKNOWN) {
        return Err(CloseReason::UnknownKind {
            what: call.key.name(),
        });
    }
    Ok(())
}
