//! The canonical text of a JSON document (RFC 8785, and the words that Python writes), in one pass.
//!
//! The fast path of `src/json/parse.ts` and `src/json/canonical.ts`, which decide: they get every document that is
//! refused here, and give the error. Both must accept the same documents and write the same bytes.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt::Write as _;

/// Nesting deeper than this is refused, as in `src/json/parse.ts`.
const DEPTH_LIMIT: usize = 512;

/// Return the canonical bytes of a document; nothing if it is not JSON, has two equal keys in an object, nests too
/// deep, holds a number beyond a double or text that has no UTF-8 form.
///
/// Cost: memory of about three times the document; time as reading it a few times, and sorting its keys.
pub fn canonical(document: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(document).ok()?;
    let mut parser = Parser { text, at: 0 };
    let value = parser.value(0)?;
    parser.space();
    if parser.at < text.len() {
        return None;
    }
    let mut written = String::with_capacity(text.len());
    value.write(&mut written);
    Some(written.into_bytes())
}

/// A parsed value that can write itself.
enum Value<'a> {
    /// A word or a number in its canonical form.
    Literal(Cow<'a, str>),
    Text(Text<'a>),
    Array(Vec<Value<'a>>),
    /// Sorted by key.
    Object(Vec<(Text<'a>, Value<'a>)>),
}

/// Text: the source between the quotes if it has no escapes, else the unescaped text.
struct Text<'a> {
    content: Cow<'a, str>,
    /// True if the content is written without escaping.
    verbatim: bool,
}

impl Value<'_> {
    fn write(&self, out: &mut String) {
        match self {
            Self::Literal(text) => out.push_str(text),
            Self::Text(text) => text.write(out),
            Self::Array(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    item.write(out);
                }
                out.push(']');
            }
            Self::Object(members) => {
                out.push('{');
                for (index, (key, member)) in members.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    key.write(out);
                    out.push(':');
                    member.write(out);
                }
                out.push('}');
            }
        }
    }
}

impl Text<'_> {
    /// Write it as `JSON.stringify` does.
    fn write(&self, out: &mut String) {
        out.push('"');
        if self.verbatim {
            out.push_str(&self.content);
        } else {
            for character in self.content.chars() {
                match character {
                    '"' => out.push_str("\\\""),
                    '\\' => out.push_str("\\\\"),
                    '\u{8}' => out.push_str("\\b"),
                    '\t' => out.push_str("\\t"),
                    '\n' => out.push_str("\\n"),
                    '\u{c}' => out.push_str("\\f"),
                    '\r' => out.push_str("\\r"),
                    control if control < ' ' => push(out, format_args!("\\u{:04x}", u32::from(control))),
                    other => out.push(other),
                }
            }
        }
        out.push('"');
    }
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    out.write_fmt(text).ok();
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn value(&mut self, depth: usize) -> Option<Value<'a>> {
        if depth > DEPTH_LIMIT {
            return None;
        }
        self.space();
        match self.peek()? {
            b'{' => self.object(depth),
            b'[' => self.array(depth),
            b'"' => self.string().map(Value::Text),
            b'0'..=b'9' => self.number(),
            b'-' if self.text.as_bytes().get(self.at + 1) != Some(&b'I') => self.number(),
            _ => self.word(),
        }
    }

    fn word(&mut self) -> Option<Value<'a>> {
        const WORDS: [(&str, &str); 6] = [
            ("true", "true"),
            ("false", "false"),
            ("null", "null"),
            ("NaN", r#"{"__float__":"NaN"}"#),
            ("Infinity", r#"{"__float__":"Infinity"}"#),
            ("-Infinity", r#"{"__float__":"-Infinity"}"#),
        ];
        let rest = &self.text.as_bytes()[self.at..];
        let (word, form) = WORDS.iter().find(|(word, _)| rest.starts_with(word.as_bytes()))?;
        self.at += word.len();
        Some(Value::Literal(Cow::Borrowed(form)))
    }

    fn object(&mut self, depth: usize) -> Option<Value<'a>> {
        let mut members = Vec::new();
        self.at += 1;
        self.space();
        if !self.take(b'}') {
            loop {
                self.space();
                if self.peek() != Some(b'"') {
                    return None;
                }
                let key = self.string()?;
                self.space();
                if !self.take(b':') {
                    return None;
                }
                members.push((key, self.value(depth + 1)?));
                self.space();
                if self.take(b'}') {
                    break;
                }
                if !self.take(b',') {
                    return None;
                }
            }
        }
        members.sort_unstable_by(|(a, _), (b, _)| utf16_order(&a.content, &b.content));
        let twice = members
            .windows(2)
            .any(|pair| pair[0].0.content == pair[1].0.content);
        (!twice).then_some(Value::Object(members))
    }

    fn array(&mut self, depth: usize) -> Option<Value<'a>> {
        let mut items = Vec::new();
        self.at += 1;
        self.space();
        if self.take(b']') {
            return Some(Value::Array(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.space();
            if self.take(b']') {
                return Some(Value::Array(items));
            }
            if !self.take(b',') {
                return None;
            }
        }
    }

    /// Return the string whose opening quote is next.
    fn string(&mut self) -> Option<Text<'a>> {
        self.at += 1;
        let start = self.at;
        self.run();
        if self.peek()? == b'"' {
            let content = Cow::Borrowed(&self.text[start..self.at]);
            self.at += 1;
            return Some(Text {
                content,
                verbatim: true,
            });
        }
        let mut content = self.text[start..self.at].to_owned();
        loop {
            match self.peek()? {
                b'"' => {
                    self.at += 1;
                    let content = Cow::Owned(content);
                    return Some(Text {
                        content,
                        verbatim: false,
                    });
                }
                b'\\' => content.push(self.escape()?),
                // A control character.
                _ => return None,
            }
            let start = self.at;
            self.run();
            content.push_str(&self.text[start..self.at]);
        }
    }

    /// Go to the next quote, backslash or control character.
    fn run(&mut self) {
        let rest = &self.text.as_bytes()[self.at..];
        let unescaped = |byte: &u8| *byte >= 0x20 && *byte != b'"' && *byte != b'\\';
        self.at += rest
            .iter()
            .position(|byte| !unescaped(byte))
            .unwrap_or(rest.len());
    }

    /// Return the character that the escape at the position means. Half a surrogate pair is none.
    fn escape(&mut self) -> Option<char> {
        self.at += 1;
        let letter = self.peek()?;
        self.at += 1;
        Some(match letter {
            b'"' | b'\\' | b'/' => char::from(letter),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let unit = self.unit()?;
                if !(0xd800..0xdc00).contains(&unit) {
                    return char::from_u32(unit);
                }
                if !(self.take(b'\\') && self.take(b'u')) {
                    return None;
                }
                let low = self.unit()?;
                if !(0xdc00..0xe000).contains(&low) {
                    return None;
                }
                return char::from_u32(0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00));
            }
            _ => return None,
        })
    }

    /// Return four hexadecimal digits.
    fn unit(&mut self) -> Option<u32> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4)?;
        self.at += 4;
        digits.iter().try_fold(0, |unit, digit| {
            Some(unit * 16 + char::from(*digit).to_digit(16)?)
        })
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at - start
    }

    fn number(&mut self) -> Option<Value<'a>> {
        let start = self.at;
        let negative = self.take(b'-');
        if !self.take(b'0') && self.digits() == 0 {
            return None;
        }
        let whole = self.at;
        if self.take(b'.') && self.digits() == 0 {
            return None;
        }
        if self.take(b'e') || self.take(b'E') {
            let _ = self.take(b'+') || self.take(b'-');
            if self.digits() == 0 {
                return None;
            }
        }
        let written = &self.text[start..self.at];
        // An integer of up to fifteen digits is exact, and canonical as it is written. -0 is not.
        if self.at == whole && written.len() <= 15 && !(negative && written == "-0") {
            return Some(Value::Literal(Cow::Borrowed(written)));
        }
        let value: f64 = written.parse().ok()?;
        value
            .is_finite()
            .then(|| Value::Literal(Cow::Owned(number_text(value))))
    }
}

/// Return a finite number as ECMAScript writes it (`Number::toString`). Rust's own formatting differs where two
/// shortest forms are equally close: it takes the larger, ECMAScript the even one.
fn number_text(value: f64) -> String {
    ryu_js::Buffer::new().format_finite(value).to_owned()
}

/// Compare by UTF-16 code units. That is the order of UTF-8 bytes, except for characters from U+E000 to U+FFFF: in
/// UTF-16 the characters beyond U+FFFF come before them.
fn utf16_order(a: &str, b: &str) -> Ordering {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let Some((x, y)) = a.iter().zip(b).find(|(x, y)| x != y) else {
        return a.len().cmp(&b.len());
    };
    // First bytes from 0xee begin a character from U+E000, from 0xf0 one beyond U+FFFF.
    if *x >= 0xee && *y >= 0xee && (*x >= 0xf0) != (*y >= 0xf0) {
        return y.cmp(x);
    }
    x.cmp(y)
}
