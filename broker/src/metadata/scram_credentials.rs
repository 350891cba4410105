//! SCRAM credentials as the image holds them, and the `DescribeUserScramCredentials` answer, which
//! tells mechanisms and iterations only. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use protocol::error_code::ErrorCode;
use protocol::messages::describe_user_scram_credentials_request::DescribeUserScramCredentialsRequest;
use protocol::messages::describe_user_scram_credentials_response::{
    CredentialInfo, DescribeUserScramCredentialsResponse, DescribeUserScramCredentialsResult,
};
use protocol::messages::metadata::remove_user_scram_credential_record::RemoveUserScramCredentialRecord;
use protocol::messages::metadata::user_scram_credential_record::UserScramCredentialRecord;

use crate::controller::Refusal;
use crate::metadata::records::MetadataRecord;

/// What proves that a user knows the password, without being it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ScramCredential {
    pub(crate) salt: Bytes,
    pub(crate) stored_key: Bytes,
    pub(crate) server_key: Bytes,
    pub(crate) iterations: i32,
}

impl fmt::Debug for ScramCredential {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ScramCredential")
            .field("iterations", &self.iterations)
            .finish_non_exhaustive()
    }
}

/// By user, then by Kafka's number of the mechanism; a user without any is absent.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ScramCredentialsImage {
    users: Arc<BTreeMap<String, BTreeMap<i8, ScramCredential>>>,
}

impl ScramCredentialsImage {
    pub(crate) fn contains(&self, user: &str, mechanism: i8) -> bool {
        self.users
            .get(user)
            .is_some_and(|credentials| credentials.contains_key(&mechanism))
    }

    pub(super) fn set(&mut self, record: &UserScramCredentialRecord) {
        let credential = ScramCredential {
            salt: record.salt.clone(),
            stored_key: record.stored_key.clone(),
            server_key: record.server_key.clone(),
            iterations: record.iterations,
        };
        let users = Arc::make_mut(&mut self.users);
        let of_user = users.entry(record.name.clone()).or_default();
        of_user.insert(record.mechanism, credential);
    }

    pub(super) fn remove(&mut self, record: &RemoveUserScramCredentialRecord) {
        let users = Arc::make_mut(&mut self.users);
        if let Some(credentials) = users.get_mut(&record.name) {
            credentials.remove(&record.mechanism);
            if credentials.is_empty() {
                users.remove(&record.name);
            }
        }
    }

    pub(super) fn records(&self) -> impl Iterator<Item = MetadataRecord> {
        self.users.iter().flat_map(|(user, credentials)| {
            credentials.iter().map(|(mechanism, credential)| {
                UserScramCredentialRecord {
                    name: user.clone(),
                    mechanism: *mechanism,
                    salt: credential.salt.clone(),
                    stored_key: credential.stored_key.clone(),
                    server_key: credential.server_key.clone(),
                    iterations: credential.iterations,
                }
                .into()
            })
        })
    }
}

/// No users, or null, asks for all.
pub(crate) fn describe_user_scram_credentials(
    image: &ScramCredentialsImage,
    request: &DescribeUserScramCredentialsRequest,
) -> DescribeUserScramCredentialsResponse {
    let asked = request.users.as_deref().unwrap_or_default();
    let results = if asked.is_empty() {
        let all = image.users.iter();
        all.map(|(user, credentials)| described(user, credentials))
            .collect()
    } else {
        let (mut named, mut repeated) = (BTreeSet::new(), BTreeSet::new());
        for user in asked {
            if !named.insert(user.name.as_str()) {
                repeated.insert(user.name.as_str());
            }
        }
        let result = |user: &str| {
            if repeated.contains(user) {
                return refused(user, &twice(user));
            }
            match image.users.get(user) {
                Some(credentials) => described(user, credentials),
                None => refused(user, &absent(user)),
            }
        };
        named.iter().map(|user| result(user)).collect()
    };
    DescribeUserScramCredentialsResponse {
        results,
        ..Default::default()
    }
}

fn described(
    user: &str,
    credentials: &BTreeMap<i8, ScramCredential>,
) -> DescribeUserScramCredentialsResult {
    let infos = credentials
        .iter()
        .map(|(mechanism, credential)| CredentialInfo {
            mechanism: *mechanism,
            iterations: credential.iterations,
        });
    DescribeUserScramCredentialsResult {
        user: user.to_owned(),
        credential_infos: infos.collect(),
        ..Default::default()
    }
}

fn refused(user: &str, refusal: &Refusal) -> DescribeUserScramCredentialsResult {
    DescribeUserScramCredentialsResult {
        user: user.to_owned(),
        error_code: refusal.code.code(),
        error_message: refusal.message.clone(),
        ..Default::default()
    }
}

fn twice(user: &str) -> Refusal {
    let text = "Cannot describe SCRAM credentials for the same user twice in a single request";
    Refusal::new(ErrorCode::DuplicateResource, format!("{text}: {user}"))
}

fn absent(user: &str) -> Refusal {
    let text = format!("Attempt to describe a user credential that does not exist: {user}");
    Refusal::new(ErrorCode::ResourceNotFound, text)
}
