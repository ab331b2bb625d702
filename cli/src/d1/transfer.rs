//! `selvedge d1 export` and `import`.

use std::io::{Read as _, Write as _};
use std::path::Path;

use anyhow::Context as _;
use bytes::Bytes;
use selvedge_d1::store::DumpOptions;

use super::args::ExportArgs;
use super::database::Databases;
use crate::kv::{Place, say};

pub(super) async fn export(args: ExportArgs) -> anyhow::Result<()> {
    let ExportArgs { database, output, table: tables, no_schema, no_data, place } = args;
    let database = Databases::open(&place, "export").await?.find(&database).await?;
    let sql = database.export(DumpOptions { tables, no_schema, no_data }).await?;
    match &output {
        Some(file) => {
            std::fs::write(file, &sql)
                .with_context(|| format!("cannot write {}", file.display()))?;
            say(&format!("Wrote {} bytes to {}.", sql.len(), file.display()));
            Ok(())
        }
        None => {
            let mut stdout = std::io::stdout().lock();
            stdout.write_all(&sql).and_then(|()| stdout.flush()).context("cannot print it")
        }
    }
}

pub(super) async fn import(database: &str, file: &Path, place: &Place) -> anyhow::Result<()> {
    let sql = read(file)?;
    let database = Databases::open(place, "import").await?.find(database).await?;
    let count = database.import(sql).await?;
    say(&format!("Executed {count} statements on {}.", database.name));
    Ok(())
}

/// All of a file, or of standard input.
pub(super) fn read(file: &Path) -> anyhow::Result<Bytes> {
    let mut sql = Vec::new();
    if file == Path::new("-") {
        std::io::stdin().lock().read_to_end(&mut sql).context("cannot read standard input")?;
        return Ok(sql.into());
    }
    let read = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()));
    read.map(Bytes::from)
}
