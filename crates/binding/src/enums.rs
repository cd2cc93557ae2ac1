//! Enums as JavaScript has them: string literals in TypeScript.

use lineaprint_digest::Algorithms;
use lineaprint_engine::Code;
use lineaprint_engine::digest::archive;
use lineaprint_engine::digest::tree::{Links, WarningKind};
use lineaprint_formats::table::Format;
use lineaprint_formats::table::csv::Encoding;
use napi_derive::napi;

/// Hash functions, all in one read.
#[napi(string_enum = "lowercase")]
pub enum NativeAlgorithm {
    Blake3,
    Sha256,
    Both,
}

impl From<NativeAlgorithm> for Algorithms {
    fn from(algorithm: NativeAlgorithm) -> Self {
        match algorithm {
            NativeAlgorithm::Blake3 => Self::BLAKE3,
            NativeAlgorithm::Sha256 => Self::SHA256,
            NativeAlgorithm::Both => Self::BOTH,
        }
    }
}

/// The treatment of symbolic links below a root.
#[napi(string_enum = "lowercase")]
pub enum NativeLinks {
    Follow,
    Record,
    Refuse,
}

impl From<NativeLinks> for Links {
    fn from(links: NativeLinks) -> Self {
        match links {
            NativeLinks::Follow => Self::Follow,
            NativeLinks::Record => Self::Record,
            NativeLinks::Refuse => Self::Refuse,
        }
    }
}

/// Kinds of warnings about a folder.
#[napi(string_enum = "kebab-case")]
pub enum NativeWarningKind {
    LinkLeavesRoot,
    NameNotUnicode,
    NamesCollide,
}

impl From<WarningKind> for NativeWarningKind {
    fn from(kind: WarningKind) -> Self {
        match kind {
            WarningKind::LinkLeavesRoot => Self::LinkLeavesRoot,
            WarningKind::NameNotUnicode => Self::NameNotUnicode,
            WarningKind::NamesCollide => Self::NamesCollide,
        }
    }
}

/// Formats of tables.
#[napi(string_enum = "lowercase")]
pub enum NativeTableFormat {
    Parquet,
    Arrow,
    Csv,
    Jsonl,
    Sqlite,
}

impl From<NativeTableFormat> for Format {
    fn from(format: NativeTableFormat) -> Self {
        match format {
            NativeTableFormat::Parquet => Self::Parquet,
            NativeTableFormat::Arrow => Self::Arrow,
            NativeTableFormat::Csv => Self::Csv,
            NativeTableFormat::Jsonl => Self::Jsonl,
            NativeTableFormat::Sqlite => Self::Sqlite,
        }
    }
}

impl From<Format> for NativeTableFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Parquet => Self::Parquet,
            Format::Arrow => Self::Arrow,
            Format::Csv => Self::Csv,
            Format::Jsonl => Self::Jsonl,
            Format::Sqlite => Self::Sqlite,
        }
    }
}

/// Encodings of text.
#[napi(string_enum)]
pub enum NativeTextEncoding {
    #[napi(value = "utf-8")]
    Utf8,
    #[napi(value = "utf-16")]
    Utf16,
    #[napi(value = "utf-16le")]
    Utf16Le,
    #[napi(value = "utf-16be")]
    Utf16Be,
    #[napi(value = "latin1")]
    Latin1,
    #[napi(value = "windows-1252")]
    Windows1252,
}

impl From<NativeTextEncoding> for Encoding {
    fn from(encoding: NativeTextEncoding) -> Self {
        match encoding {
            NativeTextEncoding::Utf8 => Self::Utf8,
            NativeTextEncoding::Utf16 => Self::Utf16,
            NativeTextEncoding::Utf16Le => Self::Utf16Le,
            NativeTextEncoding::Utf16Be => Self::Utf16Be,
            NativeTextEncoding::Latin1 => Self::Latin1,
            NativeTextEncoding::Windows1252 => Self::Windows1252,
        }
    }
}

/// Formats of sequences.
#[napi(string_enum = "lowercase")]
pub enum NativeSequenceFormat {
    Jsonl,
    TfRecord,
    WebDataset,
}

/// Formats of archives.
#[napi(string_enum)]
pub enum NativeArchiveFormat {
    #[napi(value = "zip")]
    Zip,
    #[napi(value = "tar")]
    Tar,
    #[napi(value = "tar.gz")]
    TarGzip,
    #[napi(value = "tar.zst")]
    TarZstd,
}

impl From<archive::Format> for NativeArchiveFormat {
    fn from(format: archive::Format) -> Self {
        match format {
            archive::Format::Zip => Self::Zip,
            archive::Format::Tar => Self::Tar,
            archive::Format::TarGzip => Self::TarGzip,
            archive::Format::TarZstd => Self::TarZstd,
        }
    }
}

/// The parts of a model that are hashed; none where only headers are read.
#[napi(string_enum = "lowercase")]
pub enum NativeModelParts {
    Headers,
    Tensors,
    Files,
    Both,
}

/// The kinds whose one item is the plain digest of canonical JSON.
#[napi(string_enum = "lowercase")]
pub enum NativeJsonKind {
    Environment,
    Family,
    Git,
    Seeds,
    Run,
}

impl NativeJsonKind {
    /// Return the name that enters the digest.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Environment => "environment",
            Self::Family => "family",
            Self::Git => "git",
            Self::Seeds => "seeds",
            Self::Run => "run",
        }
    }
}

/// Codes of errors.
#[napi(string_enum)]
pub enum NativeErrorCode {
    #[napi(value = "ERR_LINEAPRINT_NOT_FOUND")]
    NotFound,
    #[napi(value = "ERR_LINEAPRINT_UNREADABLE")]
    Unreadable,
    #[napi(value = "ERR_LINEAPRINT_NOT_REGULAR")]
    NotRegular,
    #[napi(value = "ERR_LINEAPRINT_CHANGED")]
    Changed,
    #[napi(value = "ERR_LINEAPRINT_FORMAT")]
    Format,
    #[napi(value = "ERR_LINEAPRINT_LINK")]
    Link,
    #[napi(value = "ERR_LINEAPRINT_RANGE")]
    Range,
    #[napi(value = "ERR_LINEAPRINT_SPACE")]
    Space,
    #[napi(value = "ERR_LINEAPRINT_UNSUPPORTED")]
    Unsupported,
    /// The caller cancelled the job. TypeScript rethrows the reason of the signal instead.
    #[napi(value = "ERR_LINEAPRINT_CANCELLED")]
    Cancelled,
    #[napi(value = "ERR_LINEAPRINT_INTERNAL")]
    Internal,
}

impl From<Code> for NativeErrorCode {
    fn from(code: Code) -> Self {
        match code {
            Code::NotFound => Self::NotFound,
            Code::Unreadable => Self::Unreadable,
            Code::NotRegular => Self::NotRegular,
            Code::Changed => Self::Changed,
            Code::Format => Self::Format,
            Code::Link => Self::Link,
            Code::Range => Self::Range,
            Code::Space => Self::Space,
            Code::Unsupported => Self::Unsupported,
            Code::Cancelled => Self::Cancelled,
            Code::Internal => Self::Internal,
        }
    }
}

/// Instruction sets that the hashers can use.
#[napi(string_enum)]
pub enum NativeInstructionSet {
    #[napi(value = "sse4.1")]
    Sse41,
    #[napi(value = "avx2")]
    Avx2,
    #[napi(value = "avx512")]
    Avx512,
    #[napi(value = "sha-ni")]
    ShaNi,
    #[napi(value = "neon")]
    Neon,
    #[napi(value = "sha2")]
    Sha2,
}

/// Fate of a row.
#[napi(string_enum)]
pub enum NativeRowStatus {
    #[napi(value = "added")]
    Added,
    #[napi(value = "removed")]
    Removed,
    #[napi(value = "changed")]
    Changed,
}
