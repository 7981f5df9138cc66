//! The file: lines of JSON. A header, and for each table one line with its name, columns and number of rows, then the rows as
//! arrays. The last line has a checksum of each table, and one of all bytes before it.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Read as _, Write};

use aws_lc_rs::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

use crate::store::migrations;
use crate::store::schema::TableDescription;
use crate::store::transfer::checksum::{Checksum, hex};
use crate::store::transfer::row::{PAGE, Row};
use crate::store::transfer::{TransferError, tables};

/// Changes whenever older programs could misread the file.
pub const FORMAT: u64 = 1;
/// Far longer than any row.
const MAX_LINE: u64 = 4 << 20;

#[derive(Clone, Serialize, Deserialize)]
pub struct Header {
    pub latchkey_export: u64,
    /// Of this export: an interrupted import continues with the same file only.
    pub id: String,
    /// The newest migration.
    pub schema: String,
    pub exported_at: String,
    /// Servers were running, so later changes are missing.
    pub live: bool,
}

#[derive(Serialize, Deserialize, PartialEq, Eq)]
struct TableLine {
    table: String,
    columns: Vec<String>,
    rows: u64,
}

#[derive(Serialize, Deserialize)]
struct LastLine {
    checksums: BTreeMap<String, String>,
    sha256: String,
}

/// What a file contains.
pub struct Contents {
    pub header: Header,
    /// In the order of the tables.
    pub(super) tables: Vec<(&'static TableDescription, Checksum)>,
}

impl Contents {
    /// The numbers of rows.
    pub fn rows(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.tables.iter().map(|(table, checksum)| (table.name, checksum.rows))
    }
}

/// Writes a file.
pub struct Writer<W: Write> {
    out: W,
    all: Context,
}

impl<W: Write> Writer<W> {
    pub fn new(out: W, header: &Header) -> io::Result<Self> {
        let mut writer = Self { out, all: Context::new(&SHA256) };
        writer.json(header)?;
        Ok(writer)
    }

    pub fn table(&mut self, table: &TableDescription, rows: u64) -> io::Result<()> {
        self.json(&TableLine { rows, ..table_line(table) })
    }

    pub fn line(&mut self, line: &str) -> io::Result<()> {
        let line = format!("{line}\n");
        self.all.update(line.as_bytes());
        self.out.write_all(line.as_bytes())
    }

    pub fn finish(mut self, tables: &[(&'static TableDescription, Checksum)]) -> io::Result<W> {
        let sha256 = hex(self.all.clone().finish().as_ref());
        self.json(&LastLine { checksums: checksums(tables), sha256 })?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn json(&mut self, line: &impl Serialize) -> io::Result<()> {
        self.line(&serde_json::to_string(line)?)
    }
}

/// Reads a file in pages, whose rows are not verified before the end.
pub struct Reader<R> {
    source: R,
    pub header: Header,
    line: u64,
    bytes: u64,
    all: Context,
    /// Rows of the current table that have not been read.
    left: u64,
    done: Vec<(&'static TableDescription, Checksum)>,
}

impl<R: BufRead> Reader<R> {
    pub fn new(mut source: R) -> Result<Self, TransferError> {
        let mut line = Vec::new();
        source.by_ref().take(MAX_LINE).read_until(b'\n', &mut line)?;
        let format: Format = serde_json::from_slice(&line).map_err(|_| TransferError::NotAnExport)?;
        if format.latchkey_export != FORMAT {
            return Err(TransferError::OtherFormat(format.latchkey_export));
        }
        let header: Header = serde_json::from_slice(&line).map_err(|_| TransferError::InvalidLine(1))?;
        let program = migrations::newest().map_err(TransferError::Database)?;
        if header.schema != program {
            return Err(TransferError::OtherSchema { file: header.schema, program });
        }
        let mut all = Context::new(&SHA256);
        all.update(&line);
        Ok(Self { source, header, line: 1, bytes: line.len() as u64, all, left: 0, done: Vec::new() })
    }

    pub fn table(&mut self, table: &'static TableDescription) -> Result<(), TransferError> {
        let line: TableLine = self.json()?;
        self.left = line.rows;
        self.done.push((table, Checksum::default()));
        if line == (TableLine { rows: line.rows, ..table_line(table) }) {
            Ok(())
        } else {
            Err(self.invalid())
        }
    }

    /// The next rows of the table; none at its end.
    pub fn page(&mut self) -> Result<Vec<Row>, TransferError> {
        let mut rows = Vec::new();
        while self.left > 0 && rows.len() < PAGE {
            let line = self.next_line()?;
            let Some((table, checksum)) = self.done.last_mut() else {
                return Err(TransferError::NotAnExport);
            };
            checksum.add(&line);
            let row = Row::from_json(table, &line);
            rows.push(row.ok_or_else(|| self.invalid())?);
            self.left -= 1;
        }
        Ok(rows)
    }

    /// How much has been read.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Checks the last line, and that nothing follows.
    pub fn finish(mut self) -> Result<Contents, TransferError> {
        let sha256 = hex(self.all.clone().finish().as_ref());
        let last: LastLine = self.json()?;
        if last.sha256 != sha256 || last.checksums != checksums(&self.done) {
            return Err(TransferError::WrongChecksum);
        }
        if !self.source.fill_buf()?.is_empty() {
            return Err(TransferError::InvalidLine(self.line + 1));
        }
        Ok(Contents { header: self.header, tables: self.done })
    }

    fn json<T: for<'a> Deserialize<'a>>(&mut self) -> Result<T, TransferError> {
        let line = self.next_line()?;
        serde_json::from_slice(&line).map_err(|_| self.invalid())
    }

    fn next_line(&mut self) -> Result<Vec<u8>, TransferError> {
        let mut line = Vec::new();
        self.source.by_ref().take(MAX_LINE).read_until(b'\n', &mut line)?;
        self.line += 1;
        self.bytes += line.len() as u64;
        self.all.update(&line);
        match line.pop() {
            Some(b'\n') => Ok(line),
            _ => Err(TransferError::Truncated(self.line)),
        }
    }

    fn invalid(&self) -> TransferError {
        TransferError::InvalidLine(self.line)
    }
}

#[derive(Deserialize)]
struct Format {
    latchkey_export: u64,
}

/// Reads a whole file without a database. `progress` gets the number of bytes.
pub fn verify(source: impl BufRead, mut progress: impl FnMut(u64)) -> Result<Contents, TransferError> {
    let mut file = Reader::new(source)?;
    for table in tables() {
        file.table(table)?;
        while !file.page()?.is_empty() {
            progress(file.bytes());
        }
    }
    file.finish()
}

fn table_line(table: &TableDescription) -> TableLine {
    let columns = table.columns.iter().map(|column| column.name.to_owned());
    TableLine { table: table.name.to_owned(), columns: columns.collect(), rows: 0 }
}

fn checksums(tables: &[(&'static TableDescription, Checksum)]) -> BTreeMap<String, String> {
    tables.iter().map(|(table, checksum)| (table.name.to_owned(), checksum.hex())).collect()
}
