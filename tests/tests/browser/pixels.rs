//! Looks at screenshots, pixel by pixel.

use std::{collections::HashSet, fs, io::Cursor};

use longshore_tests::workspace;
use serde_json::Value;

/// Red, green and blue.
pub type Colour = [u8; 3];

/// By how much a channel may differ where a colour is meant to be the same: rounding.
const NEAR: u8 = 3;

/// A part of a picture, in pixels.
#[derive(Debug, Clone, Copy)]
pub struct Area {
    pub x: u32,
    pub y: u32,
    pub width: u32,
    pub height: u32,
}

impl Area {
    /// Of `[x, y, width, height]`, as a page measures: what is wholly within.
    ///
    /// # Panics
    ///
    /// When there is none.
    pub fn read(place: &Value) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a screen has few pixels, none negative"
        )]
        let pixels = |at: usize| place[at].as_f64().expect("a number").max(0.0).floor() as u32;
        Self { x: pixels(0), y: pixels(1), width: pixels(2), height: pixels(3) }
    }

    /// Its middle.
    pub fn middle(self) -> (u32, u32) {
        (self.x + self.width / 2, self.y + self.height / 2)
    }
}

/// A decoded screenshot.
pub struct Picture {
    width: u32,
    height: u32,
    /// Row by row.
    pixels: Vec<Colour>,
}

impl Picture {
    /// Keeps a PNG file in `target/screenshots/` and decodes it.
    ///
    /// # Panics
    ///
    /// When it is none, or cannot be kept.
    pub fn keep(name: &str, png: &[u8]) -> Self {
        let folder = workspace().join("target/screenshots");
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join(format!("{name}.png")), png).expect("a file");
        let mut decoder = png::Decoder::new(Cursor::new(png));
        decoder.set_transformations(png::Transformations::normalize_to_color8());
        let mut reader = decoder.read_info().expect("a PNG file");
        let mut bytes = vec![0; reader.output_buffer_size().expect("a picture of some size")];
        let frame = reader.next_frame(&mut bytes).expect("a picture");
        let samples = frame.color_type.samples();
        assert!(samples >= 3, "a picture in colours");
        let pixels = bytes[..frame.buffer_size()].chunks_exact(samples).map(|pixel| [pixel[0], pixel[1], pixel[2]]);
        Self { width: frame.width, height: frame.height, pixels: pixels.collect() }
    }

    /// The colour at a place.
    ///
    /// # Panics
    ///
    /// When the place is outside.
    pub fn at(&self, (x, y): (u32, u32)) -> Colour {
        assert!(x < self.width && y < self.height, "{x}, {y} is outside of {} by {}", self.width, self.height);
        self.pixels[(y * self.width + x) as usize]
    }

    /// How many colours a part has.
    pub fn colours(&self, area: Area) -> usize {
        self.within(area).collect::<HashSet<_>>().len()
    }

    /// How many pixels of a part are of this colour, or near it.
    pub fn of_colour(&self, area: Area, colour: Colour) -> usize {
        self.within(area).filter(|pixel| near(*pixel, colour)).count()
    }

    /// How many pixels differ between a part of this and one of another, where both have some.
    pub fn differing(&self, area: Area, other: &Self, of_other: Area) -> usize {
        let (width, height) = (area.width.min(of_other.width), area.height.min(of_other.height));
        let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        let both = places.map(|(x, y)| (self.find(area.x + x, area.y + y), other.find(of_other.x + x, of_other.y + y)));
        both.filter(|(one, two)| matches!((one, two), (Some(one), Some(two)) if !near(*one, *two))).count()
    }

    fn within(&self, area: Area) -> impl Iterator<Item = Colour> {
        let places =
            (area.y..area.y + area.height).flat_map(move |y| (area.x..area.x + area.width).map(move |x| (x, y)));
        places.filter_map(|(x, y)| self.find(x, y))
    }

    fn find(&self, x: u32, y: u32) -> Option<Colour> {
        (x < self.width && y < self.height).then(|| self.pixels[(y * self.width + x) as usize])
    }
}

/// Whether two colours are the same but for rounding.
pub fn near(one: Colour, other: Colour) -> bool {
    one.iter().zip(other).all(|(one, other)| one.abs_diff(other) <= NEAR)
}

/// Of `#2eb67d`.
///
/// # Panics
///
/// When it is no colour.
pub fn colour(name: &str) -> Colour {
    let digits = name.strip_prefix('#').filter(|digits| digits.len() == 6).expect("six digits");
    [0, 2, 4].map(|at| u8::from_str_radix(&digits[at..at + 2], 16).expect("hexadecimal digits"))
}
