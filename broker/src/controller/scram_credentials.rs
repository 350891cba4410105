//! `AlterUserScramCredentials`: what users prove their passwords with, stored.
//! Owns the checks and the keys that are derived from a salted password (RFC 5802). Pure.

use std::collections::BTreeMap;

use bytes::Bytes;
use hmac::{Hmac, Mac};
use protocol::error_code::ErrorCode;
use protocol::messages::alter_user_scram_credentials_request::{
    AlterUserScramCredentialsRequest, ScramCredentialUpsertion,
};
use protocol::messages::alter_user_scram_credentials_response::{
    AlterUserScramCredentialsResponse, AlterUserScramCredentialsResult,
};
use protocol::messages::metadata::remove_user_scram_credential_record::RemoveUserScramCredentialRecord;
use protocol::messages::metadata::user_scram_credential_record::UserScramCredentialRecord;
use sha2::{Digest, Sha256, Sha512};

use crate::controller::configs::push_or_refuse;
use crate::controller::{Outcome, Refusal};
use crate::metadata::image::ClusterImage;
use crate::metadata::records::MetadataRecord;

const ITERATIONS_MIN: i32 = 4_096;
const ITERATIONS_MAX: i32 = 16_384;

/// The two mechanisms, with Kafka's numbers.
#[derive(Clone, Copy)]
enum Mechanism {
    Sha256 = 1,
    Sha512 = 2,
}

pub(crate) fn alter_user_scram_credentials(
    image: &ClusterImage,
    request: &AlterUserScramCredentialsRequest,
) -> Outcome<AlterUserScramCredentialsResponse> {
    let mut altered: BTreeMap<&str, Result<Vec<MetadataRecord>, Refusal>> = BTreeMap::new();
    let deletions = request.deletions.iter().map(|deletion| {
        (
            deletion.name.as_str(),
            delete(image, &deletion.name, deletion.mechanism),
        )
    });
    let upsertions = request
        .upsertions
        .iter()
        .map(|upsertion| (upsertion.name.as_str(), upsert(upsertion)));
    for (user, change) in deletions.chain(upsertions) {
        let change = match altered.remove(user) {
            None => change,
            Some(Ok(_)) => Err(Refusal::new(
                ErrorCode::DuplicateResource,
                "A user credential cannot be altered twice in the same request",
            )),
            Some(Err(refusal)) => Err(refusal),
        };
        altered.insert(user, change);
    }
    let mut records = Vec::new();
    let mut results = Vec::new();
    for (user, change) in altered {
        let refusal = push_or_refuse(&mut records, change);
        results.push(AlterUserScramCredentialsResult {
            user: user.to_owned(),
            error_code: refusal.code.code(),
            error_message: refusal.message,
        });
    }
    let response = AlterUserScramCredentialsResponse {
        results,
        ..Default::default()
    };
    (records, response)
}

fn delete(image: &ClusterImage, user: &str, mechanism: i8) -> Result<Vec<MetadataRecord>, Refusal> {
    check(user, mechanism)?;
    if !image.scram_credentials.contains(user, mechanism) {
        return Err(Refusal::new(
            ErrorCode::ResourceNotFound,
            "Attempt to delete a user credential that does not exist",
        ));
    }
    let name = user.to_owned();
    Ok(vec![
        RemoveUserScramCredentialRecord { name, mechanism }.into(),
    ])
}

fn upsert(wanted: &ScramCredentialUpsertion) -> Result<Vec<MetadataRecord>, Refusal> {
    let mechanism = check(&wanted.name, wanted.mechanism)?;
    let unacceptable = |text: &str| Err(Refusal::new(ErrorCode::UnacceptableCredential, text));
    if wanted.iterations < ITERATIONS_MIN {
        return unacceptable("Too few iterations");
    }
    if wanted.iterations > ITERATIONS_MAX {
        return unacceptable("Too many iterations");
    }
    if wanted.salted_password.is_empty() {
        // Kafka's answer is no more telling
        return Err(Refusal::silent(ErrorCode::UnknownServerError));
    }
    let (stored_key, server_key) = match mechanism {
        Mechanism::Sha256 => {
            let of = |text: &[u8]| hmac::<Hmac<Sha256>>(&wanted.salted_password, text);
            (
                Sha256::digest(of(b"Client Key")).to_vec(),
                of(b"Server Key"),
            )
        }
        Mechanism::Sha512 => {
            let of = |text: &[u8]| hmac::<Hmac<Sha512>>(&wanted.salted_password, text);
            (
                Sha512::digest(of(b"Client Key")).to_vec(),
                of(b"Server Key"),
            )
        }
    };
    let record = UserScramCredentialRecord {
        name: wanted.name.clone(),
        mechanism: wanted.mechanism,
        salt: wanted.salt.clone(),
        stored_key: Bytes::from(stored_key),
        server_key: Bytes::from(server_key),
        iterations: wanted.iterations,
    };
    Ok(vec![record.into()])
}

fn check(user: &str, mechanism: i8) -> Result<Mechanism, Refusal> {
    if user.is_empty() {
        let text = "Username must not be empty";
        return Err(Refusal::new(ErrorCode::UnacceptableCredential, text));
    }
    let known = [Mechanism::Sha256, Mechanism::Sha512];
    known
        .into_iter()
        .find(|known| *known as i8 == mechanism)
        .ok_or_else(|| {
            let text = "Unknown SCRAM mechanism";
            Refusal::new(ErrorCode::UnsupportedSaslMechanism, text)
        })
}

#[expect(clippy::expect_used, reason = "a key of any length is one")]
fn hmac<M: Mac + hmac::digest::KeyInit>(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut mac = <M as Mac>::new_from_slice(key).expect("any key length");
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}
