/// Reads server-sent events from bytes that arrive in pieces, as the [HTML standard] says.
///
/// Differences: an event that has only a name or an id is an event too; `retry` is ignored, because
/// the waits are configured; and lines and events are bounded.
///
/// [HTML standard]: https://html.spec.whatwg.org/multipage/server-sent-events.html
#[derive(Debug)]
pub(super) struct Parser {
    line: Vec<u8>,
    /// The last byte was a carriage return: a line feed next to it ends no second line.
    after_return: bool,
    /// A byte order mark may only be in front of everything.
    at_start: bool,
    event: Event,
}

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Event {
    /// What kind of event it is, if it says so.
    pub(super) name: String,
    /// Its lines of data.
    pub(super) data: String,
    /// Its id, if it says one; an empty one takes back those before.
    pub(super) id: Option<String>,
}

/// A line or an event is longer than the bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLong;

/// The most bytes in a line, and the most in an event.
const BOUND: usize = 64 * 1024;

impl Parser {
    /// For the beginning of a stream.
    pub(super) fn new() -> Self {
        Self {
            line: Vec::new(),
            after_return: false,
            at_start: true,
            event: Event::default(),
        }
    }

    /// Takes the next bytes, and gives the events that they complete. After an error there is no
    /// going on; the events before it have been given.
    pub(super) fn push(
        &mut self,
        bytes: &[u8],
        mut take: impl FnMut(Event),
    ) -> Result<(), TooLong> {
        for &byte in bytes {
            let after_return = std::mem::replace(&mut self.after_return, byte == b'\r');
            match byte {
                b'\n' if after_return => {}
                b'\n' | b'\r' => {
                    if let Some(event) = self.end_line()? {
                        take(event);
                    }
                }
                _ if self.line.len() == BOUND => return Err(TooLong),
                _ => self.line.push(byte),
            }
        }
        Ok(())
    }

    fn end_line(&mut self) -> Result<Option<Event>, TooLong> {
        let mut line = self.line.as_slice();
        if std::mem::take(&mut self.at_start) {
            line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
        }
        let line = String::from_utf8_lossy(line).into_owned();
        self.line.clear();
        if line.is_empty() {
            return Ok(self.end_event());
        }
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.event.name),
            "data" => {
                self.event.data.push_str(value);
                self.event.data.push('\n');
            }
            "id" if !value.contains('\0') => self.event.id = Some(value.to_owned()),
            // A comment has an empty name; unknown fields are ignored.
            _ => {}
        }
        let id_length = self.event.id.as_ref().map_or(0, String::len);
        if self.event.name.len() + self.event.data.len() + id_length > BOUND {
            return Err(TooLong);
        }
        Ok(None)
    }

    fn end_event(&mut self) -> Option<Event> {
        let mut event = std::mem::take(&mut self.event);
        if event == Event::default() {
            return None;
        }
        // The line feed after its last line is not part of it.
        event.data.pop();
        Some(event)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn events<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Event>, Result<(), TooLong>) {
        let mut parser = Parser::new();
        let mut events = Vec::new();
        for chunk in chunks {
            let pushed = parser.push(chunk, |event| events.push(event));
            if pushed.is_err() {
                return (events, pushed);
            }
        }
        (events, Ok(()))
    }

    fn parsed(text: &str) -> Vec<Event> {
        let (events, pushed) = events([text.as_bytes()]);
        assert_eq!(pushed, Ok(()));
        events
    }

    fn event(name: &str, data: &str, id: Option<&str>) -> Event {
        Event {
            name: name.to_owned(),
            data: data.to_owned(),
            id: id.map(ToOwned::to_owned),
        }
    }

    #[test]
    fn every_end_of_line_ends_one_line() {
        for end in ["\n", "\r", "\r\n"] {
            let text = ["event: a", "id: 1", "data: x", "data:y", "", "data", "", ""].join(end);
            let expected = [event("a", "x\ny", Some("1")), event("", "", None)];
            assert_eq!(parsed(&text), expected);
        }
    }

    #[test]
    fn fields_are_read_as_the_standard_says() {
        // The examples of the standard, and what else is odd.
        assert_eq!(parsed(": comment\n\n:\n\n"), []);
        assert_eq!(parsed("data:  a:b\n\n"), [event("", " a:b", None)]);
        assert_eq!(parsed("data\ndata\n\n"), [event("", "\n", None)]);
        assert_eq!(parsed("data:unfinished\n"), []);
        assert_eq!(parsed("Data: a\n data: b\nretry: 1\nfoo\n\n"), []);
        assert_eq!(parsed("id: a\0b\ndata: c\n\n"), [event("", "c", None)]);
        assert_eq!(parsed("id: 1\nid\ndata: c\n\n"), [event("", "c", Some(""))]);
        assert_eq!(parsed("event: a\nevent: b\n\n"), [event("b", "", None)]);
        assert_eq!(parsed("\u{feff}data: a\n\n"), [event("", "a", None)]);
        assert_eq!(parsed("\n\u{feff}data: a\n\n"), []);
    }

    #[test]
    fn lines_and_events_are_bounded() {
        let (_, pushed) = events([[b'a'; BOUND + 1].as_slice()]);
        assert_eq!(pushed, Err(TooLong));
        let line = format!("data: {}\n", "a".repeat(BOUND / 2));
        let two = format!("{line}\n{line}{line}\n");
        let (events, pushed) = events([two.as_bytes()]);
        assert_eq!((events.len(), pushed), (1, Err(TooLong)));
        // Comments add nothing to an event, and many small events are no long one.
        parsed(&format!(": {}\n", "a".repeat(BOUND / 2)).repeat(4));
        parsed(&format!("{line}\n").repeat(4));
    }

    fn split<'a>(bytes: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        cuts.windows(2)
            .map(|ends| &bytes[ends[0]..ends[1]])
            .collect()
    }

    /// Pieces of what matters to the parser, so that random streams have events in them.
    fn stream() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop::sample::select(vec![
            &b"\n"[..],
            b"\r",
            b"\r\n",
            b"\n\n",
            b"data",
            b"data: x",
            b"event: change",
            b"id: 7",
            b":",
            b" ",
            b"\0",
            b"\xEF\xBB\xBF",
            b"\xEF",
            b"\xC3\xBC",
            b"\xFF",
            b"retry: 1",
        ]);
        prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn chunks_do_not_matter(bytes in stream(), cuts in prop::collection::vec(any::<usize>(), 0..20)) {
            let chunks = split(&bytes, &cuts);
            prop_assert_eq!(chunks.concat(), bytes.clone());
            prop_assert_eq!(events(chunks), events([bytes.as_slice()]));
        }

        #[test]
        fn arbitrary_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
            let whole = events([bytes.as_slice()]);
            prop_assert_eq!(whole, events(bytes.chunks(1)));
        }
    }
}
