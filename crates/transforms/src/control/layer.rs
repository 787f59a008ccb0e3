//! `layer`: maps a few channels to one of several layers of channels, which another channel selects.

use crosspatch_core::transform::Transform;

use super::gate::{GateCondition, read_end};

pub(crate) const LAYER: Transform = Transform {
    name: "layer",
    usage: "layer <channel> [resend]",
    summary: "maps a few channels to many, in layers that a channel selects",
    read: |arguments| {
        let reference = arguments.channel()?;
        read_end(arguments, GateCondition::Layer { number: 0, count: 1 }, reference)
    },
};

#[cfg(test)]
mod tests {
    use crosspatch_core::Value;
    use crosspatch_core::transform::LinePosition;

    use crate::rig::{ChainRig, chain};

    /// The mapping of a number among those that 16 knobs on 512 channels give.
    fn knobs(number: u32) -> ChainRig {
        ChainRig::of(chain("layer a.x"), LinePosition { number, count: 512, narrow: 16 })
    }

    #[test]
    fn each_part_of_the_way_chooses_one_layer() {
        for (value, layer) in [
            (0.0, 0),
            (0.031, 0),
            (1.0 / 32.0, 1),
            (4.0 / 127.0, 1),
            (0.499, 15),
            (0.5, 16),
            (0.968, 30),
            (31.0 / 32.0, 31),
            (0.99, 31),
            (1.0, 31),
        ] {
            let awake = |number: &u32| {
                let mut rig = knobs(*number);
                rig.channel(0, value);
                rig.number(0.7).is_some()
            };
            let awake: Vec<u32> = (0..512).filter(awake).collect();
            assert_eq!(awake, (layer * 16..layer * 16 + 16).collect::<Vec<u32>>(), "{value}");
        }
    }

    #[test]
    fn the_first_layer_is_chosen_before_anything_is() {
        assert!(!knobs(15).is_asleep() && knobs(16).is_asleep());
        let mut rig = knobs(3);
        assert_eq!((rig.channel(0, "second"), rig.is_asleep()), (None, false));
        assert!(chain("layer a.x").is_layered() && !chain("when a.x").is_layered());
    }

    #[test]
    fn a_line_without_a_multiple_has_one_layer() {
        let mut rig = ChainRig::of(chain("layer a.x"), LinePosition { number: 3, count: 4, narrow: 4 });
        assert_eq!((rig.channel(0, 1.0), rig.number(0.5)), (None, Some(0.5)));
    }

    #[test]
    fn the_way_back_shows_a_layer_as_soon_as_it_is_chosen() {
        let place = LinePosition { number: 1, count: 2, narrow: 1 };
        let mut rig = ChainRig::of(chain("layer a.x").inverse().unwrap(), place);
        assert!(rig.chain.is_layered());
        assert_eq!(rig.number(0.3), None);
        assert_eq!(rig.channel(0, 1.0), Some(Value::Number(0.3)));
        let mut rig = ChainRig::of(chain("layer a.x resend"), place);
        assert_eq!((rig.number(0.3), rig.channel(0, 0.7)), (None, Some(Value::Number(0.3))));
    }
}
