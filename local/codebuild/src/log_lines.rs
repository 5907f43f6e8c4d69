//! A log cut into the events that CloudWatch Logs would have: its lines.

use std::io::{self, BufRead};

/// The longest message of an event, in bytes. A longer line is cut into several.
/// Source: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html>.
pub(crate) const LONGEST: usize = 256 * 1024 - OVERHEAD;
/// What each event counts for besides its message.
pub(crate) const OVERHEAD: usize = 26;

/// A line with its line break, or a part of a line that is too long.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// Where it begins in the log.
    pub(crate) start: u64,
    /// Where the next one begins.
    pub(crate) end: u64,
    pub(crate) text: Vec<u8>,
}

/// The lines of a log, from a place where one begins. Wherever that is, they are cut at the same places.
#[derive(Debug)]
pub(crate) struct Lines<R> {
    reader: R,
    place: u64,
    /// What was read already of the next line.
    carried: Vec<u8>,
    /// Whether a last line without a line break is one: nothing will be added to it.
    ended: bool,
}

impl<R: BufRead> Lines<R> {
    /// `reader` begins at `place`.
    pub(crate) fn new(reader: R, place: u64, ended: bool) -> Self {
        Self { reader, place, carried: Vec::new(), ended }
    }

    fn read(&mut self) -> io::Result<Option<Line>> {
        let mut text = std::mem::take(&mut self.carried);
        let room = (LONGEST - text.len()) as u64;
        io::Read::take(&mut self.reader, room).read_until(b'\n', &mut text)?;
        if text.last() != Some(&b'\n') {
            if text.len() == LONGEST {
                self.carried = text.split_off(whole_characters(&text));
            } else if !self.ended {
                return Ok(None);
            }
        }
        let start = self.place;
        self.place += text.len() as u64;
        Ok((!text.is_empty()).then_some(Line { start, end: self.place, text }))
    }
}

impl<R: BufRead> Iterator for Lines<R> {
    type Item = io::Result<Line>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

/// How many bytes of a text that was cut off are whole characters of UTF-8; all of them when it is something else.
pub(crate) fn whole_characters(text: &[u8]) -> usize {
    let first = (1..=4).find(|back| text.len().checked_sub(*back).is_some_and(|at| text[at] & 0xC0 != 0x80));
    let Some(back) = first else { return text.len() };
    let length = match text[text.len() - back] {
        0xC0..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF7 => 4,
        _ => 1,
    };
    if length > back { text.len() - back } else { text.len() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &[u8], place: usize, ended: bool) -> Vec<Line> {
        let lines = Lines::new(&text[place..], place as u64, ended);
        lines.collect::<io::Result<_>>().expect("lines")
    }

    #[test]
    fn a_line_without_its_end_is_none_until_the_log_ends() {
        let texts = |ended| cut(b"one\n\ntwo", 0, ended).into_iter().map(|line| line.text).collect::<Vec<_>>();
        assert_eq!(texts(false), [b"one\n".to_vec(), b"\n".to_vec()]);
        assert_eq!(texts(true), [b"one\n".to_vec(), b"\n".to_vec(), b"two".to_vec()]);
    }

    #[test]
    fn a_line_that_is_too_long_is_cut_between_characters_and_always_at_the_same_places() {
        // Three bytes each, and LONGEST is no multiple of three after the first byte.
        let text = format!("-{}\nnext\n", "€".repeat(LONGEST));
        let lines = cut(text.as_bytes(), 0, false);
        assert!(lines.iter().all(|line| line.text.len() <= LONGEST && std::str::from_utf8(&line.text).is_ok()));
        let whole: Vec<u8> = lines.iter().flat_map(|line| line.text.clone()).collect();
        assert_eq!(whole, text.as_bytes());
        for (number, line) in lines.iter().enumerate() {
            let from = usize::try_from(line.start).expect("a place");
            assert_eq!(cut(text.as_bytes(), from, false), lines[number..], "from {from}");
        }
    }

    #[test]
    fn what_is_no_text_is_cut_too() {
        let lines = cut(&vec![0x80; 2 * LONGEST + 1], 0, true);
        assert_eq!(lines.iter().map(|line| line.text.len()).collect::<Vec<_>>(), [LONGEST, LONGEST, 1]);
    }
}
