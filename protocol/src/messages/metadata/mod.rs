//! Generated from the schemas; do not edit. The records of the cluster metadata log.

pub mod abort_transaction_record;
pub mod access_control_entry_record;
pub mod begin_transaction_record;
pub mod broker_registration_change_record;
pub mod clear_elr_record;
pub mod client_quota_record;
pub mod config_record;
pub mod delegation_token_record;
pub mod end_transaction_record;
pub mod feature_level_record;
pub mod fence_broker_record;
pub mod no_op_record;
pub mod partition_change_record;
pub mod partition_record;
pub mod producer_ids_record;
pub mod register_broker_record;
pub mod register_controller_record;
pub mod remove_access_control_entry_record;
pub mod remove_delegation_token_record;
pub mod remove_topic_record;
pub mod remove_user_scram_credential_record;
pub mod topic_record;
pub mod unfence_broker_record;
pub mod unregister_broker_record;
pub mod user_scram_credential_record;
pub mod zk_migration_state_record;

use crate::api_key::VersionRange;
use crate::codec::{DecodeError, Message, Reader, Writer};

use abort_transaction_record::AbortTransactionRecord;
use access_control_entry_record::AccessControlEntryRecord;
use begin_transaction_record::BeginTransactionRecord;
use broker_registration_change_record::BrokerRegistrationChangeRecord;
use clear_elr_record::ClearElrRecord;
use client_quota_record::ClientQuotaRecord;
use config_record::ConfigRecord;
use delegation_token_record::DelegationTokenRecord;
use end_transaction_record::EndTransactionRecord;
use feature_level_record::FeatureLevelRecord;
use fence_broker_record::FenceBrokerRecord;
use no_op_record::NoOpRecord;
use partition_change_record::PartitionChangeRecord;
use partition_record::PartitionRecord;
use producer_ids_record::ProducerIdsRecord;
use register_broker_record::RegisterBrokerRecord;
use register_controller_record::RegisterControllerRecord;
use remove_access_control_entry_record::RemoveAccessControlEntryRecord;
use remove_delegation_token_record::RemoveDelegationTokenRecord;
use remove_topic_record::RemoveTopicRecord;
use remove_user_scram_credential_record::RemoveUserScramCredentialRecord;
use topic_record::TopicRecord;
use unfence_broker_record::UnfenceBrokerRecord;
use unregister_broker_record::UnregisterBrokerRecord;
use user_scram_credential_record::UserScramCredentialRecord;
use zk_migration_state_record::ZkMigrationStateRecord;

/// A record of the cluster metadata log.
#[derive(Debug, Clone, PartialEq)]
pub enum MetadataRecord {
    RegisterBroker(RegisterBrokerRecord),
    UnregisterBroker(UnregisterBrokerRecord),
    Topic(TopicRecord),
    Partition(PartitionRecord),
    Config(ConfigRecord),
    PartitionChange(PartitionChangeRecord),
    FenceBroker(FenceBrokerRecord),
    UnfenceBroker(UnfenceBrokerRecord),
    RemoveTopic(RemoveTopicRecord),
    DelegationToken(DelegationTokenRecord),
    UserScramCredential(UserScramCredentialRecord),
    FeatureLevel(FeatureLevelRecord),
    ClientQuota(ClientQuotaRecord),
    ProducerIds(ProducerIdsRecord),
    BrokerRegistrationChange(BrokerRegistrationChangeRecord),
    AccessControlEntry(AccessControlEntryRecord),
    RemoveAccessControlEntry(RemoveAccessControlEntryRecord),
    NoOp(NoOpRecord),
    ZkMigrationState(ZkMigrationStateRecord),
    RemoveUserScramCredential(RemoveUserScramCredentialRecord),
    BeginTransaction(BeginTransactionRecord),
    EndTransaction(EndTransactionRecord),
    AbortTransaction(AbortTransactionRecord),
    RemoveDelegationToken(RemoveDelegationTokenRecord),
    RegisterController(RegisterControllerRecord),
    ClearElr(ClearElrRecord),
}

impl MetadataRecord {
    /// The number of the record type.
    pub fn record_type(&self) -> i16 {
        match self {
            Self::RegisterBroker(_) => RegisterBrokerRecord::TYPE,
            Self::UnregisterBroker(_) => UnregisterBrokerRecord::TYPE,
            Self::Topic(_) => TopicRecord::TYPE,
            Self::Partition(_) => PartitionRecord::TYPE,
            Self::Config(_) => ConfigRecord::TYPE,
            Self::PartitionChange(_) => PartitionChangeRecord::TYPE,
            Self::FenceBroker(_) => FenceBrokerRecord::TYPE,
            Self::UnfenceBroker(_) => UnfenceBrokerRecord::TYPE,
            Self::RemoveTopic(_) => RemoveTopicRecord::TYPE,
            Self::DelegationToken(_) => DelegationTokenRecord::TYPE,
            Self::UserScramCredential(_) => UserScramCredentialRecord::TYPE,
            Self::FeatureLevel(_) => FeatureLevelRecord::TYPE,
            Self::ClientQuota(_) => ClientQuotaRecord::TYPE,
            Self::ProducerIds(_) => ProducerIdsRecord::TYPE,
            Self::BrokerRegistrationChange(_) => BrokerRegistrationChangeRecord::TYPE,
            Self::AccessControlEntry(_) => AccessControlEntryRecord::TYPE,
            Self::RemoveAccessControlEntry(_) => RemoveAccessControlEntryRecord::TYPE,
            Self::NoOp(_) => NoOpRecord::TYPE,
            Self::ZkMigrationState(_) => ZkMigrationStateRecord::TYPE,
            Self::RemoveUserScramCredential(_) => RemoveUserScramCredentialRecord::TYPE,
            Self::BeginTransaction(_) => BeginTransactionRecord::TYPE,
            Self::EndTransaction(_) => EndTransactionRecord::TYPE,
            Self::AbortTransaction(_) => AbortTransactionRecord::TYPE,
            Self::RemoveDelegationToken(_) => RemoveDelegationTokenRecord::TYPE,
            Self::RegisterController(_) => RegisterControllerRecord::TYPE,
            Self::ClearElr(_) => ClearElrRecord::TYPE,
        }
    }

    /// The versions of the record's schema.
    pub fn versions(&self) -> VersionRange {
        match self {
            Self::RegisterBroker(_) => RegisterBrokerRecord::VERSIONS,
            Self::UnregisterBroker(_) => UnregisterBrokerRecord::VERSIONS,
            Self::Topic(_) => TopicRecord::VERSIONS,
            Self::Partition(_) => PartitionRecord::VERSIONS,
            Self::Config(_) => ConfigRecord::VERSIONS,
            Self::PartitionChange(_) => PartitionChangeRecord::VERSIONS,
            Self::FenceBroker(_) => FenceBrokerRecord::VERSIONS,
            Self::UnfenceBroker(_) => UnfenceBrokerRecord::VERSIONS,
            Self::RemoveTopic(_) => RemoveTopicRecord::VERSIONS,
            Self::DelegationToken(_) => DelegationTokenRecord::VERSIONS,
            Self::UserScramCredential(_) => UserScramCredentialRecord::VERSIONS,
            Self::FeatureLevel(_) => FeatureLevelRecord::VERSIONS,
            Self::ClientQuota(_) => ClientQuotaRecord::VERSIONS,
            Self::ProducerIds(_) => ProducerIdsRecord::VERSIONS,
            Self::BrokerRegistrationChange(_) => BrokerRegistrationChangeRecord::VERSIONS,
            Self::AccessControlEntry(_) => AccessControlEntryRecord::VERSIONS,
            Self::RemoveAccessControlEntry(_) => RemoveAccessControlEntryRecord::VERSIONS,
            Self::NoOp(_) => NoOpRecord::VERSIONS,
            Self::ZkMigrationState(_) => ZkMigrationStateRecord::VERSIONS,
            Self::RemoveUserScramCredential(_) => RemoveUserScramCredentialRecord::VERSIONS,
            Self::BeginTransaction(_) => BeginTransactionRecord::VERSIONS,
            Self::EndTransaction(_) => EndTransactionRecord::VERSIONS,
            Self::AbortTransaction(_) => AbortTransactionRecord::VERSIONS,
            Self::RemoveDelegationToken(_) => RemoveDelegationTokenRecord::VERSIONS,
            Self::RegisterController(_) => RegisterControllerRecord::VERSIONS,
            Self::ClearElr(_) => ClearElrRecord::VERSIONS,
        }
    }

    /// Reads a record of this type and version.
    ///
    /// # Errors
    /// The type or the version is unknown, or the bytes are not such a record.
    pub fn decode(
        record_type: i16,
        version: i16,
        reader: &mut Reader,
    ) -> Result<Self, DecodeError> {
        match record_type {
            RegisterBrokerRecord::TYPE => {
                RegisterBrokerRecord::decode(reader, version).map(Self::RegisterBroker)
            }
            UnregisterBrokerRecord::TYPE => {
                UnregisterBrokerRecord::decode(reader, version).map(Self::UnregisterBroker)
            }
            TopicRecord::TYPE => TopicRecord::decode(reader, version).map(Self::Topic),
            PartitionRecord::TYPE => PartitionRecord::decode(reader, version).map(Self::Partition),
            ConfigRecord::TYPE => ConfigRecord::decode(reader, version).map(Self::Config),
            PartitionChangeRecord::TYPE => {
                PartitionChangeRecord::decode(reader, version).map(Self::PartitionChange)
            }
            FenceBrokerRecord::TYPE => {
                FenceBrokerRecord::decode(reader, version).map(Self::FenceBroker)
            }
            UnfenceBrokerRecord::TYPE => {
                UnfenceBrokerRecord::decode(reader, version).map(Self::UnfenceBroker)
            }
            RemoveTopicRecord::TYPE => {
                RemoveTopicRecord::decode(reader, version).map(Self::RemoveTopic)
            }
            DelegationTokenRecord::TYPE => {
                DelegationTokenRecord::decode(reader, version).map(Self::DelegationToken)
            }
            UserScramCredentialRecord::TYPE => {
                UserScramCredentialRecord::decode(reader, version).map(Self::UserScramCredential)
            }
            FeatureLevelRecord::TYPE => {
                FeatureLevelRecord::decode(reader, version).map(Self::FeatureLevel)
            }
            ClientQuotaRecord::TYPE => {
                ClientQuotaRecord::decode(reader, version).map(Self::ClientQuota)
            }
            ProducerIdsRecord::TYPE => {
                ProducerIdsRecord::decode(reader, version).map(Self::ProducerIds)
            }
            BrokerRegistrationChangeRecord::TYPE => {
                BrokerRegistrationChangeRecord::decode(reader, version)
                    .map(Self::BrokerRegistrationChange)
            }
            AccessControlEntryRecord::TYPE => {
                AccessControlEntryRecord::decode(reader, version).map(Self::AccessControlEntry)
            }
            RemoveAccessControlEntryRecord::TYPE => {
                RemoveAccessControlEntryRecord::decode(reader, version)
                    .map(Self::RemoveAccessControlEntry)
            }
            NoOpRecord::TYPE => NoOpRecord::decode(reader, version).map(Self::NoOp),
            ZkMigrationStateRecord::TYPE => {
                ZkMigrationStateRecord::decode(reader, version).map(Self::ZkMigrationState)
            }
            RemoveUserScramCredentialRecord::TYPE => {
                RemoveUserScramCredentialRecord::decode(reader, version)
                    .map(Self::RemoveUserScramCredential)
            }
            BeginTransactionRecord::TYPE => {
                BeginTransactionRecord::decode(reader, version).map(Self::BeginTransaction)
            }
            EndTransactionRecord::TYPE => {
                EndTransactionRecord::decode(reader, version).map(Self::EndTransaction)
            }
            AbortTransactionRecord::TYPE => {
                AbortTransactionRecord::decode(reader, version).map(Self::AbortTransaction)
            }
            RemoveDelegationTokenRecord::TYPE => {
                RemoveDelegationTokenRecord::decode(reader, version)
                    .map(Self::RemoveDelegationToken)
            }
            RegisterControllerRecord::TYPE => {
                RegisterControllerRecord::decode(reader, version).map(Self::RegisterController)
            }
            ClearElrRecord::TYPE => ClearElrRecord::decode(reader, version).map(Self::ClearElr),
            _ => Err(DecodeError::UnknownRecordType(record_type)),
        }
    }

    /// Appends the record's body; type and version are the caller's to write.
    ///
    /// # Panics
    /// The version is not one of the schema's.
    pub fn encode(&self, writer: &mut Writer, version: i16) {
        match self {
            Self::RegisterBroker(record) => record.encode(writer, version),
            Self::UnregisterBroker(record) => record.encode(writer, version),
            Self::Topic(record) => record.encode(writer, version),
            Self::Partition(record) => record.encode(writer, version),
            Self::Config(record) => record.encode(writer, version),
            Self::PartitionChange(record) => record.encode(writer, version),
            Self::FenceBroker(record) => record.encode(writer, version),
            Self::UnfenceBroker(record) => record.encode(writer, version),
            Self::RemoveTopic(record) => record.encode(writer, version),
            Self::DelegationToken(record) => record.encode(writer, version),
            Self::UserScramCredential(record) => record.encode(writer, version),
            Self::FeatureLevel(record) => record.encode(writer, version),
            Self::ClientQuota(record) => record.encode(writer, version),
            Self::ProducerIds(record) => record.encode(writer, version),
            Self::BrokerRegistrationChange(record) => record.encode(writer, version),
            Self::AccessControlEntry(record) => record.encode(writer, version),
            Self::RemoveAccessControlEntry(record) => record.encode(writer, version),
            Self::NoOp(record) => record.encode(writer, version),
            Self::ZkMigrationState(record) => record.encode(writer, version),
            Self::RemoveUserScramCredential(record) => record.encode(writer, version),
            Self::BeginTransaction(record) => record.encode(writer, version),
            Self::EndTransaction(record) => record.encode(writer, version),
            Self::AbortTransaction(record) => record.encode(writer, version),
            Self::RemoveDelegationToken(record) => record.encode(writer, version),
            Self::RegisterController(record) => record.encode(writer, version),
            Self::ClearElr(record) => record.encode(writer, version),
        }
    }
}
