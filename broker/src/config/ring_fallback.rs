//! Which io_uring features the settings tell rings to do without. Pure.

use storage::ring::{Fallback, Feature};

use super::effective::Settings;
use super::setting::list_elements;

impl Settings {
    /// Features that rings do without: those of the kernel to imitate, or else those named.
    pub(crate) fn ring_fallback(&self) -> Fallback {
        let text = |name| self.value_of(name).map_or("", |value| value.text.trim());
        match text("millrace.io") {
            "linux-5.10" => Fallback::linux_5_10(),
            "linux-5.19" => Fallback::linux_5_19(),
            _ => {
                let named = list_elements(text("millrace.io.without")).filter_map(feature);
                Fallback::without(&named.collect::<Vec<_>>())
            }
        }
    }
}

/// The names are those of the table's row.
fn feature(name: &str) -> Option<Feature> {
    match name {
        "coop-taskrun" => Some(Feature::CoopTaskrun),
        "defer-taskrun" => Some(Feature::DeferTaskrun),
        "make-dir" => Some(Feature::MakeDir),
        "msg-ring" => Some(Feature::MsgRing),
        "multishot-accept" => Some(Feature::MultishotAccept),
        "multishot-receive" => Some(Feature::MultishotReceive),
        "path-ops" => Some(Feature::PathOps),
        "timed-wait" => Some(Feature::TimedWait),
        "truncate" => Some(Feature::Truncate),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::effective::Machine;
    use super::super::layers::{Given, Layer, Layers};
    use super::super::problem::Place;
    use super::*;

    fn settings(values: &[(&str, &str)]) -> Settings {
        let mut layers = Layers::default();
        for (name, text) in values {
            let (layer, place) = (Layer::CommandLine, Place::CommandLine("--override"));
            layers.add(
                name,
                Given {
                    layer,
                    text: (*text).to_owned(),
                    place,
                },
            );
        }
        let machine = Machine {
            cores: 4,
            host_name: "box".to_owned(),
        };
        Settings::resolve(layers, &machine).unwrap().0
    }

    #[test]
    fn rings_do_without_what_is_named() {
        assert_eq!(settings(&[]).ring_fallback(), Fallback::NONE);
        let fallback = settings(&[("millrace.io", "linux-5.10")]).ring_fallback();
        assert_eq!(fallback, Fallback::linux_5_10());
        let all = "coop-taskrun,defer-taskrun,make-dir,msg-ring,multishot-accept,\
                   multishot-receive,path-ops,timed-wait,truncate";
        let fallback = settings(&[("millrace.io.without", all)]).ring_fallback();
        assert_eq!(
            fallback,
            Fallback::linux_5_10(),
            "that is every feature there is"
        );
    }
}
