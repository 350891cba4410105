//! Each given value against its row: what is unknown, wrong or refused, and what is accepted
//! without its usual effect. Pure.

use super::layers::{Given, Layer, Layers};
use super::problem::{Notice, Place, Problem};
use super::setting::{Kind, Setting, Treatment};
use super::table;

/// Everything that is wrong with single values, in the order of places as far as names allow.
pub(crate) fn problems(layers: &Layers) -> Vec<Problem> {
    layers
        .iter()
        .flat_map(|(name, given)| given.iter().filter_map(move |given| problem(name, given)))
        .collect()
}

fn problem(name: &str, given: &Given) -> Option<Problem> {
    let Some(setting) = table::find_broker(name) else {
        // What others put into the environment is told by `notices`, not refused.
        let lenient = given.layer == Layer::Environment && !name.starts_with("millrace.");
        return (!lenient).then(|| Problem {
            place: Some(given.place.clone()),
            name: name.to_owned(),
            value: None,
            reason: unknown(name),
        });
    };
    let reason = match (setting.check(&given.text), setting.treatment) {
        (Err(reason), _) => reason,
        (Ok(()), Treatment::Refused(reason)) if !is_default(setting, &given.text) => {
            format!("refused: {reason}")
        }
        (Ok(()), _) => return None,
    };
    Some(Problem {
        place: Some(given.place.clone()),
        name: name.to_owned(),
        value: (!setting.is_sensitive()).then(|| given.text.clone()),
        reason,
    })
}

/// Why an unknown name is refused, with the name that was probably meant.
pub(crate) fn unknown(name: &str) -> String {
    if table::topic().any(|setting| setting.name == name) {
        let synonym = super::rows::topic::broker_synonyms(name).first();
        let hint = synonym.map(|(name, _)| format!(": for all topics write {name}"));
        return format!("is a setting of topics{}", hint.unwrap_or_default());
    }
    match table::nearest(name, table::broker()) {
        Some(near) => format!("unknown name; did you mean {near}?"),
        None => "unknown name; `millrace config --doc` lists all".to_owned(),
    }
}

/// An empty text counts as no value.
fn is_default(setting: &Setting, text: &str) -> bool {
    let text = text.trim();
    let default = setting.default.unwrap_or_default();
    match setting.kind {
        Kind::Bool => text.eq_ignore_ascii_case(default),
        Kind::String
        | Kind::Int
        | Kind::Short
        | Kind::Long
        | Kind::Double
        | Kind::List
        | Kind::Class
        | Kind::Password => text == default || text.is_empty(),
    }
}

/// One notice a reason; names in their order.
pub(crate) fn notices(layers: &Layers) -> Vec<Notice> {
    let mut notices: Vec<Notice> = Vec::new();
    for (name, list) in layers.iter() {
        let Some(given) = list.first() else { continue };
        if given.place == Place::Dynamic {
            continue;
        }
        let reason = match table::find_broker(name) {
            None => unknown(name),
            Some(setting) => match setting.treatment {
                Treatment::Honoured | Treatment::Refused(_) => continue,
                Treatment::Later(_) if is_default(setting, &given.text) => continue,
                Treatment::Mapped(reason)
                | Treatment::Later(reason)
                | Treatment::Ignored(reason) => reason.to_owned(),
            },
        };
        let entry = (name.to_owned(), given.place.clone());
        match notices.iter_mut().find(|notice| notice.reason == reason) {
            Some(notice) => notice.names.push(entry),
            None => notices.push(Notice {
                names: vec![entry],
                reason,
            }),
        }
    }
    notices
}
