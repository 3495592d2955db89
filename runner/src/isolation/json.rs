//! JSON of jobs and records: the part of RFC 8259 that they need. Strings are bytes: what is not UTF-8 is written as Python's
//! `surrogateescape` does it (PEP 383), byte 0x80 as `\udc80`, and read back.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::str;

#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    Number(f64),
    Text(Vec<u8>),
    List(Vec<Value>),
    Object(BTreeMap<String, Value>),
}

/// How deep lists and objects may be nested: jobs need two levels.
const DEEPEST: usize = 16;

/// Parses one value that fills the whole text. The error says what is wrong at which byte.
pub fn parse(text: &[u8]) -> Result<Value, String> {
    let mut reader = Reader { text, at: 0 };
    let value = reader.value(0)?;
    reader.skip_blanks();
    if reader.at == text.len() { Ok(value) } else { reader.fail("more after the end of the value") }
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn fail<T>(&self, what: &str) -> Result<T, String> {
        Err(format!("{what} at byte {}", self.at + 1))
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        self.skip_blanks();
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn value(&mut self, depth: usize) -> Result<Value, String> {
        if depth > DEEPEST {
            return self.fail("nested too deeply");
        }
        self.skip_blanks();
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.list(depth),
            Some(b'"') => self.string().map(Value::Text),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Null),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => self.fail("no JSON value"),
        }
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, String> {
        if !self.text[self.at..].starts_with(word.as_bytes()) {
            return self.fail("no JSON value");
        }
        self.at += word.len();
        Ok(value)
    }

    fn number(&mut self) -> Result<Value, String> {
        let rest = &self.text[self.at..];
        let length = rest.iter().take_while(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
        let digits = &rest[..length.count()];
        match str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()) {
            Some(number) => {
                self.at += digits.len();
                Ok(Value::Number(number))
            }
            None => self.fail("no number"),
        }
    }

    fn list(&mut self, depth: usize) -> Result<Value, String> {
        self.at += 1;
        let mut values = Vec::new();
        if self.take(b']') {
            return Ok(Value::List(values));
        }
        loop {
            values.push(self.value(depth + 1)?);
            if self.take(b']') {
                return Ok(Value::List(values));
            }
            if !self.take(b',') {
                return self.fail("no `,` or `]`");
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, String> {
        self.at += 1;
        let mut values = BTreeMap::new();
        if self.take(b'}') {
            return Ok(Value::Object(values));
        }
        loop {
            self.skip_blanks();
            if self.peek() != Some(b'"') {
                return self.fail("no name of a field");
            }
            let name = String::from_utf8_lossy(&self.string()?).into_owned();
            if !self.take(b':') {
                return self.fail("no `:`");
            }
            let value = self.value(depth + 1)?;
            if values.insert(name, value).is_some() {
                return self.fail("a field for the second time");
            }
            if self.take(b'}') {
                return Ok(Value::Object(values));
            }
            if !self.take(b',') {
                return self.fail("no `,` or `}`");
            }
        }
    }

    fn string(&mut self) -> Result<Vec<u8>, String> {
        self.at += 1;
        let mut value = Vec::new();
        loop {
            match self.peek() {
                None | Some(..0x20) => return self.fail("no end of the string"),
                Some(b'"') => {
                    self.at += 1;
                    return Ok(value);
                }
                Some(b'\\') => self.escape(&mut value)?,
                Some(byte) => {
                    value.push(byte);
                    self.at += 1;
                }
            }
        }
    }

    fn escape(&mut self, value: &mut Vec<u8>) -> Result<(), String> {
        let kind = self.text.get(self.at + 1).copied();
        let plain = match kind {
            Some(byte @ (b'"' | b'\\' | b'/')) => byte,
            Some(b'b') => 8,
            Some(b'f') => 12,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'u') => return self.unicode(value),
            _ => return self.fail("no escape of JSON"),
        };
        value.push(plain);
        self.at += 2;
        Ok(())
    }

    fn unicode(&mut self, value: &mut Vec<u8>) -> Result<(), String> {
        let Some(unit) = self.hexadecimal() else { return self.fail("no four hexadecimal digits") };
        let unit = match unit {
            // A byte that is not UTF-8, as `surrogateescape` writes it.
            0xdc80..=0xdcff => {
                value.push((unit & 0xff) as u8);
                return Ok(());
            }
            0xd800..=0xdbff => match self.hexadecimal() {
                Some(low @ 0xdc00..=0xdfff) => 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00),
                _ => return self.fail("half of a surrogate pair"),
            },
            unit => unit,
        };
        let Some(character) = char::from_u32(unit) else { return self.fail("half of a surrogate pair") };
        value.extend(character.encode_utf8(&mut [0; 4]).as_bytes());
        Ok(())
    }

    /// The number in `\uXXXX` at the current place.
    fn hexadecimal(&mut self) -> Option<u32> {
        let digits = self.text.get(self.at..self.at + 6)?.strip_prefix(b"\\u")?;
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        self.at += 6;
        u32::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
    }
}

/// A string of bytes as JSON.
pub fn quote(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() + 2);
    text.push('"');
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '"' => text.push_str("\\\""),
                '\\' => text.push_str("\\\\"),
                '\n' => text.push_str("\\n"),
                '\r' => text.push_str("\\r"),
                '\t' => text.push_str("\\t"),
                '\0'..' ' => drop(write!(text, "\\u{:04x}", character as u32)),
                _ => text.push(character),
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(text, "\\udc{byte:02x}");
        }
    }
    text.push('"');
    text
}
