use fastrand::Rng;

/// Whether a text is a tenant's id, by its rule and not by our code.
pub fn is_id(text: &str) -> bool {
    let is_in = |byte: u8, alphabet: &[u8]| alphabet.contains(&byte);
    (1..=56).contains(&text.len())
        && text
            .bytes()
            .all(|byte| is_in(byte, b"abcdefghijklmnopqrstuvwxyz0123456789_-"))
        && !text.starts_with('_')
        && !text.starts_with('-')
}

/// Names without end, the same each time.
pub struct Names(Rng);

impl Names {
    pub fn new() -> Self {
        Self(Rng::with_seed(10_000))
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.0.usize(..all.len())]
    }

    /// A tenant's name with one thing about it that is not.
    fn changed(&mut self) -> String {
        let name = self.one_of(&["acme", "globex"]);
        let at = self.0.usize(..name.len());
        let (head, letter, tail) = (&name[..at], &name[at..=at], &name[at + 1..]);
        match self.0.u8(..8) {
            0 => format!("{head}{}{tail}", look_alike(letter, self.0.usize(..3))),
            1 => format!("{head}{}{tail}", letter.to_uppercase()),
            2 => format!("{head}%{:02x}{tail}", letter.as_bytes()[0]),
            3 => format!("{head}%25{:02X}{tail}", letter.as_bytes()[0]),
            4 => format!("{head}{letter}{}{tail}", self.one_of(&INVISIBLE)),
            5 => format!("{head}{letter}{}{tail}", self.one_of(&SEPARATORS)),
            6 => format!("{}{name}", self.one_of(&SEPARATORS)),
            _ => format!("{name}{}", self.one_of(&SEPARATORS)),
        }
    }

    fn long(&mut self) -> String {
        let length = self.one_of(&[55, 56, 57, 62, 63, 64, 65, 128, 255, 256, 4_000]);
        let unit = self.one_of(&["a", "a-", "ä", "a.b", "acme"]);
        unit.repeat(length / unit.len() + 1)[..]
            .chars()
            .take(length)
            .collect()
    }

    fn composed(&mut self) -> String {
        let pieces = self.0.usize(1..6);
        (0..pieces)
            .map(|_| match self.0.u8(..4) {
                0 => self.one_of(&SEPARATORS),
                1 => self.one_of(&INVISIBLE),
                2 => self.one_of(&HOSTILE),
                _ => self.one_of(&["acme", "globex", "a", "0", "-", "_"]),
            })
            .collect()
    }
}

impl Iterator for Names {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        Some(match self.0.u8(..16) {
            0..6 => self.changed(),
            6..8 => self.one_of(&HOSTILE).to_owned(),
            8..9 => self.long(),
            9..10 => (0..self.0.u8(..12)).map(|_| self.0.char(..)).collect(),
            // Some that are well: what refuses everything would pass otherwise.
            10..11 => format!("t{:x}", self.0.u32(..)),
            _ => self.composed(),
        })
    }
}

/// A letter that looks like another one, or becomes it when its case is folded or it is normalised.
fn look_alike(letter: &str, which: usize) -> &'static str {
    let all: [&str; 3] = match letter {
        "a" => ["а", "ａ", "ª"],
        "c" => ["с", "ⅽ", "ć"],
        "e" => ["е", "ｅ", "é"],
        "g" => ["ɡ", "ｇ", "ġ"],
        "l" => ["ӏ", "ⅼ", "ł"],
        "m" => ["ｍ", "ⅿ", "м"],
        "o" => ["о", "ο", "º"],
        "b" => ["Ь", "ｂ", "ḃ"],
        _ => ["х", "ⅹ", "ｘ"],
    };
    all[which]
}

const INVISIBLE: [&str; 12] = [
    "\u{200b}", "\u{200d}", "\u{202e}", "\u{feff}", "\u{301}", "\u{ad}", "\0", "\u{1}", "\u{1b}",
    "\u{7f}", "\u{85}", "\u{a0}",
];

const SEPARATORS: [&str; 30] = [
    " ",
    "\t",
    "\r",
    "\n",
    "\r\n",
    ".",
    ",",
    ";",
    ":",
    "/",
    "\\",
    "//",
    "/../",
    "..",
    "?",
    "#",
    "&",
    "=",
    "@",
    "%",
    "%00",
    "%0d%0a",
    "%2e%2e%2f",
    "%2f",
    "\"",
    "'",
    "`",
    "$",
    "*",
    "|",
];

const HOSTILE: [&str; 34] = [
    "",
    "$tenant",
    "\"$tenant\"",
    "$tenant.book",
    "acme\".\"book",
    "acme'; DROP SCHEMA public CASCADE; --",
    "acme`; DROP DATABASE mysql; #",
    "acme\"; SET search_path TO public; --",
    "' OR '1'='1",
    "acme' UNION SELECT * FROM globex.book --",
    "acme/*",
    "acme\r\nX-Tenant-ID: globex",
    "acme\r\n\r\nGET / HTTP/1.1",
    "acme, globex",
    "acme;globex",
    "../globex",
    "..%2fglobex",
    "acme/../globex",
    "acme%00globex",
    "acme\0globex",
    "{\"$ne\":null}",
    "%s%n%x",
    "${jndi:ldap://127.0.0.1/a}",
    "{{7*7}}",
    "acme.books.example",
    "acme.books.example:80",
    "acme@books.example",
    "acme.example/",
    "xn--acme-9cd",
    // Ids that mean something to a server: in a schema of their own they are ids like any other.
    "public",
    "pg_catalog",
    "information_schema",
    "null",
    "select",
];
