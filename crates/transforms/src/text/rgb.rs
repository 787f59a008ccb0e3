//! Colours: how they are written, their hue, saturation and brightness, and how far apart two of them look.
//!
//! The distance is one in Björn Ottosson's OKLab (2020). Its two axes of colour count four times as much as its lightness: an
//! LED that is too bright still shows the colour of a lamp, one of another hue does not.

use std::fmt;

use crosspatch_core::transform::Moment;
use crosspatch_core::{Notice, parse_color};

/// A colour of 8 bits a component: red, green, blue.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct Rgb(pub(super) [u8; 3]);

impl Rgb {
    pub(super) const BLACK: Self = Self([0; 3]);

    /// The colour of a number `0xrrggbb`.
    pub(super) const fn new(number: u32) -> Self {
        let [_, red, green, blue] = number.to_be_bytes();
        Self([red, green, blue])
    }

    /// Reads `#rrggbb`, `#rgb`, or `#rrggbbaa`, whose transparency does not count; in capitals or not.
    pub(super) fn parse(text: &str) -> Option<Self> {
        parse_color(text).map(|colour| Self::new(colour >> 8))
    }

    /// The colour that a text names. For any other text, there is a notice.
    pub(super) fn of(text: &str, moment: &mut Moment<'_>, transform: &str) -> Option<Self> {
        let colour = Self::parse(text);
        if colour.is_none() {
            let shown: String = text.chars().take(40).collect();
            let text = format!(
                "expected a colour such as \"#ff8000\" at `{transform}`, found {shown:?}; the value was dropped"
            );
            moment.notice(Notice::warning("text-where-colour", text));
        }
        colour
    }

    /// The strongest component.
    pub(super) fn brightest(self) -> u8 {
        let [red, green, blue] = self.0;
        red.max(green).max(blue)
    }

    /// The same hue and saturation with another strongest component; black stays black.
    pub(super) fn lit(self, brightest: u8) -> Self {
        let factor = f64::from(brightest) / f64::from(self.brightest().max(1));
        Self(self.0.map(|component| (f64::from(component) * factor).round() as u8))
    }

    /// Whether no component differs by more than rounding does.
    pub(super) fn is_about(self, other: Self) -> bool {
        self.0.iter().zip(other.0).all(|(one, other)| one.abs_diff(other) <= 1)
    }
}

impl fmt::Display for Rgb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

/// A colour as hue (0 and 1 red, a third green, two thirds blue), saturation and brightness, each 0 to 1.
#[derive(Copy, Clone, Debug, PartialEq)]
pub(super) struct Hsb {
    pub(super) hue: f64,
    pub(super) saturation: f64,
    pub(super) brightness: f64,
}

impl From<Rgb> for Hsb {
    /// Of a grey the hue is 0, of black the saturation as well.
    fn from(colour: Rgb) -> Self {
        let [red, green, blue] = colour.0.map(|component| f64::from(component) / 255.0);
        let brightness = red.max(green).max(blue);
        let chroma = brightness - red.min(green).min(blue);
        if chroma == 0.0 {
            return Self { hue: 0.0, saturation: 0.0, brightness };
        }
        let sextants = if brightness == red {
            (green - blue) / chroma
        } else if brightness == green {
            (blue - red) / chroma + 2.0
        } else {
            (red - green) / chroma + 4.0
        };
        Self { hue: (sextants / 6.0).rem_euclid(1.0), saturation: chroma / brightness, brightness }
    }
}

impl From<Hsb> for Rgb {
    fn from(Hsb { hue, saturation, brightness }: Hsb) -> Self {
        // How far the hue is away from each of red, green and blue: nothing of it within a sixth of the circle, all of it from
        // a third on.
        let component = |offset: f64| {
            let sextants = (hue * 6.0 + offset).rem_euclid(6.0);
            let away = sextants.min(4.0 - sextants).clamp(0.0, 1.0);
            ((brightness - brightness * saturation * away) * 255.0).round() as u8
        };
        Self([5.0, 3.0, 1.0].map(component))
    }
}

/// Lightness and two axes of colour.
#[derive(Copy, Clone, Debug)]
pub(super) struct Oklab {
    lightness: f64,
    green_red: f64,
    blue_yellow: f64,
}

impl Oklab {
    /// How different two colours look, squared.
    pub(super) fn distance(self, other: Self) -> f64 {
        let axes = [self.green_red - other.green_red, self.blue_yellow - other.blue_yellow];
        let lightness = self.lightness - other.lightness;
        lightness.powi(2) + axes.map(|axis| (4.0 * axis).powi(2)).iter().sum::<f64>()
    }
}

impl From<Rgb> for Oklab {
    /// With the figures of Ottosson's "A perceptual color space for image processing", from sRGB as IEC 61966-2-1 has it.
    fn from(colour: Rgb) -> Self {
        let linear = |component: u8| match f64::from(component) / 255.0 {
            small if small <= 0.040_45 => small / 12.92,
            level => ((level + 0.055) / 1.055).powf(2.4),
        };
        let [red, green, blue] = colour.0.map(linear);
        let cone =
            |[of_red, of_green, of_blue]: [f64; 3]| (of_red * red + of_green * green + of_blue * blue).cbrt();
        let long = cone([0.412_221_470_8, 0.536_332_536_3, 0.051_445_992_9]);
        let middle = cone([0.211_903_498_2, 0.680_699_545_1, 0.107_396_956_6]);
        let short = cone([0.088_302_461_9, 0.281_718_837_6, 0.629_978_700_5]);
        Self {
            lightness: 0.210_454_255_3 * long + 0.793_617_785_0 * middle - 0.004_072_046_8 * short,
            green_red: 1.977_998_495_1 * long - 2.428_592_205_0 * middle + 0.450_593_709_9 * short,
            blue_yellow: 0.025_904_037_1 * long + 0.782_771_766_2 * middle - 0.808_675_766_0 * short,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn colours_are_written_long_short_in_capitals_or_with_transparency() {
        for (text, colour) in [
            ("#ff8000", Some(0xff8000)),
            ("#FF8000", Some(0xff8000)),
            ("#F80", Some(0xff8800)),
            ("#ff800040", Some(0xff8000)),
            ("ff8000", None),
            ("#ff80", None),
            ("#+f8000", None),
            ("#-f8000", None),
            ("#gggggg", None),
            ("#ää", None),
            ("#", None),
            ("", None),
        ] {
            assert_eq!(Rgb::parse(text), colour.map(Rgb::new), "{text}");
        }
        assert_eq!(Rgb::new(0x0a0bff).to_string(), "#0a0bff");
    }

    #[test]
    fn primary_and_secondary_colours_stand_at_the_sixths_of_the_circle() {
        for (sixth, colour) in
            [0xff0000, 0xffff00, 0x00ff00, 0x00ffff, 0x0000ff, 0xff00ff].into_iter().enumerate()
        {
            let hsb = Hsb { hue: sixth as f64 / 6.0, saturation: 1.0, brightness: 1.0 };
            assert_eq!(Rgb::from(hsb), Rgb::new(colour));
            assert!((Hsb::from(Rgb::new(colour)).hue - hsb.hue).abs() < 1e-12);
        }
        let grey = Hsb { hue: 0.0, saturation: 0.0, brightness: 1.0 };
        assert_eq!((Hsb::from(Rgb::new(0xffffff)), Rgb::from(grey)), (grey, Rgb::new(0xffffff)));
    }

    #[test]
    fn oklab_is_that_of_its_author() {
        // From the table in "A perceptual color space for image processing" and from CSS Color 4's sample values.
        for (colour, [lightness, green_red, blue_yellow]) in [
            (0xffffff, [1.0, 0.0, 0.0]),
            (0xff0000, [0.6280, 0.2249, 0.1258]),
            (0x00ff00, [0.8664, -0.2339, 0.1795]),
            (0x0000ff, [0.4520, -0.0325, -0.3115]),
            (0x000000, [0.0, 0.0, 0.0]),
        ] {
            let lab = Oklab::from(Rgb::new(colour));
            let found = [lab.lightness, lab.green_red, lab.blue_yellow];
            let is_near =
                found.iter().zip([lightness, green_red, blue_yellow]).all(|(a, b)| (a - b).abs() < 1e-4);
            assert!(is_near, "{colour:06x}: {found:?}");
        }
    }

    proptest! {
        #[test]
        fn every_colour_survives_being_written_and_being_taken_apart(number in 0..=0xff_ffffu32) {
            let colour = Rgb::new(number);
            prop_assert_eq!(Rgb::parse(&colour.to_string()), Some(colour));
            prop_assert_eq!(Rgb::from(Hsb::from(colour)), colour);
            prop_assert_eq!(colour.lit(colour.brightest()), colour);
            prop_assert!(Oklab::from(colour).distance(colour.into()) == 0.0);
        }
    }
}
