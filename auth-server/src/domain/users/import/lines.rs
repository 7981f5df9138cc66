use std::io::{self, BufRead, Read};

/// The longest line that is read. Dumps may have columns that are ignored, but no pictures.
const MAX_BYTES: u64 = 1024 * 1024;
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Numbered lines, one in memory at a time. Empty lines are counted and skipped.
pub struct Lines<R> {
    source: R,
    buffer: Vec<u8>,
    number: u64,
    bytes: u64,
}

pub struct Line<'a> {
    /// The first line is 1.
    pub number: u64,
    /// `None` if it is longer than 1 MiB.
    pub text: Option<&'a [u8]>,
}

impl<R: BufRead> Lines<R> {
    pub fn new(source: R) -> Self {
        Self { source, buffer: Vec::new(), number: 0, bytes: 0 }
    }

    /// Bytes read so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// `None` at the end.
    pub fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        loop {
            self.buffer.clear();
            let read = (&mut self.source).take(MAX_BYTES + 1).read_until(b'\n', &mut self.buffer)?;
            if read == 0 {
                return Ok(None);
            }
            self.number += 1;
            self.bytes += read as u64;
            let is_whole = self.buffer.ends_with(b"\n") || read as u64 <= MAX_BYTES;
            if !is_whole {
                self.bytes += self.skip_rest()?;
                return Ok(Some(Line { number: self.number, text: None }));
            }
            let begin = if self.number == 1 && self.buffer.starts_with(BYTE_ORDER_MARK) {
                BYTE_ORDER_MARK.len()
            } else {
                0
            };
            if !self.buffer[begin..].trim_ascii().is_empty() {
                return Ok(Some(Line { number: self.number, text: Some(&self.buffer[begin..]) }));
            }
        }
    }

    fn skip_rest(&mut self) -> io::Result<u64> {
        let mut skipped = 0;
        loop {
            let buffer = self.source.fill_buf()?;
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let used = end.map_or(buffer.len(), |end| end + 1);
            self.source.consume(used);
            skipped += used as u64;
            if used == 0 || end.is_some() {
                return Ok(skipped);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use crate::domain::users::import::lines::{Lines, MAX_BYTES};

    fn lines(text: &[u8]) -> Vec<(u64, Option<usize>)> {
        let mut lines = Lines::new(BufReader::with_capacity(16, text));
        let mut found = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            found.push((line.number, line.text.map(|text| text.trim_ascii().len())));
        }
        assert_eq!(lines.bytes(), text.len() as u64);
        found
    }

    #[test]
    fn empty_lines_are_counted_and_a_byte_order_mark_is_ignored() {
        assert_eq!(lines(b""), []);
        assert_eq!(lines("\u{feff}ab\r\n\n  \nc".as_bytes()), [(1, Some(2)), (4, Some(1))]);
    }

    #[test]
    fn an_oversized_line_is_skipped_and_the_next_one_is_read() {
        let longest = "x".repeat(usize::try_from(MAX_BYTES).unwrap());
        let text = format!("{longest}\n{longest}xyz\nab\n{longest}x");
        assert_eq!(lines(text.as_bytes()), [(1, Some(longest.len())), (2, None), (3, Some(2)), (4, None)]);
    }
}
