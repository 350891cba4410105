//! Settings of client-metrics subscriptions, with Kafka's answers to those that cannot be. Pure.

use protocol::error_code::ErrorCode;

use crate::config::setting::Range;
use crate::controller::Refusal;
use crate::metadata::config_catalog::{ConfigCatalog, check_value};
use crate::metadata::image::{ConfigMap, ResourceType};
use crate::telemetry::subscriptions::{INTERVAL, MATCH, check_patterns};

/// Checks the values that a subscription is to have.
///
/// # Errors
/// Kafka's code and text for the first that is wrong.
pub(super) fn check_client_metrics(values: &ConfigMap) -> Result<(), Refusal> {
    for (name, value) in values {
        let Some(setting) = ConfigCatalog::setting(ResourceType::ClientMetrics, name) else {
            let text = format!("Unknown client metrics configuration: {name}");
            return Err(Refusal::new(ErrorCode::InvalidRequest, text));
        };
        if name == INTERVAL
            && let Range::Between(least, most) = setting.range
            && let Ok(interval) = value.trim().parse::<i32>()
            && !(least..=most).contains(&i64::from(interval))
        {
            let text = format!(
                "Invalid value {value} for interval.ms, interval must be between {least} and \
                 {most} (1 hour)"
            );
            return Err(Refusal::new(ErrorCode::InvalidRequest, text));
        }
        let checked = check_value(setting, value);
        let checked = checked.and_then(|()| match name.as_str() {
            MATCH => check_patterns(value),
            _ => Ok(()),
        });
        checked.map_err(|text| Refusal::new(ErrorCode::InvalidConfig, text))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(name: &str, value: &str) -> Option<(ErrorCode, String)> {
        let values = ConfigMap::from([(name.to_owned(), value.to_owned())]);
        let refusal = check_client_metrics(&values).err()?;
        Some((refusal.code, refusal.message.unwrap_or_default()))
    }

    #[test]
    fn each_kind_of_wrong_value_has_kafkas_answer() {
        assert_eq!(refused(INTERVAL, "1000"), None);
        assert_eq!(refused(MATCH, "client_id=a.*"), None);
        let (code, text) = refused("nope", "1").unwrap();
        assert_eq!(code, ErrorCode::InvalidRequest);
        assert_eq!(text, "Unknown client metrics configuration: nope");
        let (code, text) = refused(INTERVAL, "50").unwrap();
        assert_eq!(code, ErrorCode::InvalidRequest);
        assert!(
            text.ends_with("interval must be between 100 and 3600000 (1 hour)"),
            "{text}"
        );
        let (code, _) = refused(INTERVAL, "abc").unwrap();
        assert_eq!(code, ErrorCode::InvalidConfig);
        let (code, text) = refused(MATCH, "client_id=[(").unwrap();
        assert_eq!(code, ErrorCode::InvalidConfig);
        assert_eq!(text, "Illegal client matching pattern: client_id=[(");
    }
}
