//! The columns of a table, read from the statement that made it. Nothing of it is executed.

use crate::error::FormatError;

/// A declared column.
#[derive(Clone, Debug, PartialEq)]
pub struct Declared {
    /// Its name.
    pub name: String,
    /// Its type as it was written, words with one space between; empty without one.
    pub kind: String,
    /// The value of rows that are older than the column.
    pub default: Default,
    /// True for a column whose values are calculated when they are read.
    pub is_virtual: bool,
    is_key: bool,
    is_descending: bool,
}

/// The value of a column in rows that do not have it.
#[derive(Clone, Debug, PartialEq)]
pub enum Default {
    /// None is declared.
    Null,
    /// A whole number.
    Integer(i64),
    /// A float.
    Real(f64),
    /// Text.
    Text(String),
    /// An expression.
    Other,
}

/// A declared table.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Its columns in their order.
    pub columns: Vec<Declared>,
    /// The column that is another name of the number of a row.
    pub row_number: Option<usize>,
    /// The columns in the order in which records store them, if the table has no numbers of rows.
    pub by_key: Option<Vec<usize>>,
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    /// A name or keyword without quotes.
    Word(String),
    /// A name in quotes.
    Quoted(String),
    /// Text in single quotes.
    Text(String),
    Number(String),
    Sign(char),
}

impl Token {
    fn is(&self, keyword: &str) -> bool {
        matches!(self, Self::Word(word) if word.eq_ignore_ascii_case(keyword))
    }

    fn name(&self) -> Option<&str> {
        match self {
            Self::Word(name) | Self::Quoted(name) | Self::Text(name) => Some(name),
            _ => None,
        }
    }
}

/// Parse a statement `CREATE TABLE`.
pub fn parse(statement: &str) -> Result<Table, FormatError> {
    let tokens = tokens(statement)?;
    if tokens.get(1).is_some_and(|token| token.is("virtual")) {
        return Err(FormatError::unsupported(
            "a virtual table has its content in other tables",
        ));
    }
    let open = tokens.iter().position(|token| *token == Token::Sign('('));
    let (Some(open), true) = (open, tokens.first().is_some_and(|token| token.is("create"))) else {
        return Err(unreadable());
    };
    let mut items = vec![Vec::new()];
    let mut depth = 0_usize;
    let mut behind = tokens.len();
    for (index, token) in tokens.iter().enumerate().skip(open + 1) {
        match token {
            Token::Sign(')') if depth == 0 => {
                behind = index + 1;
                break;
            }
            Token::Sign(',') if depth == 0 => {
                items.push(Vec::new());
                continue;
            }
            Token::Sign('(') => depth += 1,
            Token::Sign(')') => depth -= 1,
            _ => {}
        }
        if let Some(item) = items.last_mut() {
            item.push(token.clone());
        }
    }
    let mut columns: Vec<Declared> = Vec::new();
    let mut key: Vec<String> = Vec::new();
    for item in &items {
        let first = item.first().ok_or_else(unreadable)?;
        if ["constraint", "primary", "unique", "check", "foreign"]
            .iter()
            .any(|word| first.is(word))
        {
            if let Some(names) = table_key(item) {
                key = names;
            }
        } else {
            columns.push(column(item)?);
        }
    }
    let key = match columns.iter().position(|column| column.is_key) {
        Some(index) => vec![index],
        None => key
            .iter()
            .map(|name| {
                let same = |column: &Declared| column.name.eq_ignore_ascii_case(name);
                columns.iter().position(same).ok_or_else(unreadable)
            })
            .collect::<Result<_, _>>()?,
    };
    let options = tokens.get(behind..).unwrap_or_default();
    let without = options
        .windows(2)
        .any(|pair| pair[0].is("without") && pair[1].is("rowid"));
    let by_key = without.then(|| {
        let mut order: Vec<usize> = Vec::new();
        for index in key.iter().copied().chain(0..columns.len()) {
            if !order.contains(&index) {
                order.push(index);
            }
        }
        order
    });
    let row_number = match key.as_slice() {
        [index] if !without => Some(*index).filter(|index| {
            let Declared {
                kind, is_descending, ..
            } = &columns[*index];
            kind.eq_ignore_ascii_case("integer") && !is_descending
        }),
        _ => None,
    };
    Ok(Table {
        columns,
        row_number,
        by_key,
    })
}

fn unreadable() -> FormatError {
    FormatError::unsupported("the statement that made the table cannot be read")
}

/// Return the columns of a constraint PRIMARY KEY of a table.
fn table_key(item: &[Token]) -> Option<Vec<String>> {
    let at = item
        .windows(3)
        .position(|three| three[0].is("primary") && three[1].is("key") && three[2] == Token::Sign('('))?;
    let mut names = Vec::new();
    let mut is_first = true;
    for token in &item[at + 3..] {
        match token {
            Token::Sign(')') => break,
            Token::Sign(',') => is_first = true,
            token if is_first => {
                names.push(token.name()?.to_owned());
                is_first = false;
            }
            _ => {}
        }
    }
    Some(names)
}

const CONSTRAINTS: [&str; 11] = [
    "constraint",
    "primary",
    "not",
    "null",
    "unique",
    "check",
    "default",
    "collate",
    "references",
    "generated",
    "as",
];

fn column(item: &[Token]) -> Result<Declared, FormatError> {
    let name = item
        .first()
        .and_then(Token::name)
        .ok_or_else(unreadable)?
        .to_owned();
    let is_constraint = |token: &Token| CONSTRAINTS.iter().any(|word| token.is(word));
    let end = item
        .iter()
        .skip(1)
        .position(is_constraint)
        .map_or(item.len(), |index| index + 1);
    let mut kind = String::new();
    for token in &item[1..end] {
        match token {
            Token::Sign(sign) => kind.push(*sign),
            Token::Word(word) | Token::Quoted(word) | Token::Text(word) | Token::Number(word) => {
                if !kind.is_empty() && !kind.ends_with(['(', ',', '-', '+']) {
                    kind.push(' ');
                }
                kind.push_str(word);
            }
        }
    }
    let mut declared = Declared {
        name,
        kind,
        default: Default::Null,
        is_virtual: false,
        is_key: false,
        is_descending: false,
    };
    let mut depth = 0_usize;
    let mut is_generated = false;
    let mut is_stored = false;
    for (index, token) in item.iter().enumerate().skip(end) {
        match token {
            Token::Sign('(') => depth += 1,
            Token::Sign(')') => depth = depth.saturating_sub(1),
            _ if depth > 0 => {}
            token if token.is("primary") => {
                declared.is_key = true;
                declared.is_descending = item.get(index + 2).is_some_and(|token| token.is("desc"));
            }
            token if token.is("default") && !item[index - 1].is("set") => {
                declared.default = default(&item[index + 1..]);
            }
            token if token.is("as") => is_generated = true,
            token if token.is("stored") => is_stored = true,
            _ => {}
        }
    }
    declared.is_virtual = is_generated && !is_stored;
    Ok(declared)
}

fn default(tokens: &[Token]) -> Default {
    let (sign, tokens) = match tokens {
        [Token::Sign('-'), rest @ ..] => ("-", rest),
        [Token::Sign('+'), rest @ ..] | rest => ("", rest),
    };
    match tokens.first() {
        Some(Token::Number(digits)) => {
            let text = format!("{sign}{digits}");
            match (text.parse(), text.parse()) {
                (Ok(integer), _) => Default::Integer(integer),
                (_, Ok(real)) => Default::Real(real),
                _ => Default::Other,
            }
        }
        Some(Token::Text(text)) if sign.is_empty() => Default::Text(text.clone()),
        Some(token) if token.is("null") => Default::Null,
        Some(token) if token.is("true") => Default::Integer(1),
        Some(token) if token.is("false") => Default::Integer(0),
        _ => Default::Other,
    }
}

/// Cut a statement into words, without comments.
fn tokens(statement: &str) -> Result<Vec<Token>, FormatError> {
    let mut tokens = Vec::new();
    let mut rest = statement;
    while let Some(first) = rest.chars().next() {
        if let Some(comment) = rest.strip_prefix("--") {
            rest = comment.split_once('\n').map_or("", |(_, rest)| rest);
            continue;
        }
        if let Some(comment) = rest.strip_prefix("/*") {
            rest = comment.split_once("*/").map_or("", |(_, rest)| rest);
            continue;
        }
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '$' || !c.is_ascii();
        match first {
            '"' | '`' | '\'' | '[' => {
                let close = if first == '[' { ']' } else { first };
                let (text, behind) = quoted(&rest[1..], close).ok_or_else(unreadable)?;
                tokens.push(if first == '\'' {
                    Token::Text(text)
                } else {
                    Token::Quoted(text)
                });
                rest = behind;
            }
            _ if first.is_ascii_digit()
                || (first == '.' && rest[1..].starts_with(|c: char| c.is_ascii_digit())) =>
            {
                let mut end = 0;
                let bytes = rest.as_bytes();
                while end < bytes.len()
                    && (bytes[end].is_ascii_alphanumeric()
                        || bytes[end] == b'.'
                        || (matches!(bytes[end], b'+' | b'-') && matches!(bytes[end - 1], b'e' | b'E')))
                {
                    end += 1;
                }
                tokens.push(Token::Number(rest[..end].to_owned()));
                rest = &rest[end..];
            }
            _ if is_name(first) => {
                let end = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
                tokens.push(Token::Word(rest[..end].to_owned()));
                rest = &rest[end..];
            }
            _ => {
                if !first.is_ascii_whitespace() {
                    tokens.push(Token::Sign(first));
                }
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    Ok(tokens)
}

/// Return what is before the closing character, which is written twice where it is meant, and what is behind it.
fn quoted(rest: &str, close: char) -> Option<(String, &str)> {
    let mut text = String::new();
    let mut rest = rest;
    loop {
        let (before, behind) = rest.split_once(close)?;
        text.push_str(before);
        match behind.strip_prefix(close) {
            Some(more) if close != ']' => {
                text.push(close);
                rest = more;
            }
            _ => return Some((text, behind)),
        }
    }
}
