//! Who did what.

use rusqlite::{Connection, params};

use super::row::optional_id;
use super::{Change, Fallible};
use crate::audit::AuditRow;
use crate::ids::AccountId;

/// Rows that are kept.
const MAX_ROWS: i64 = 100_000;

impl Change<'_> {
    /// Writes down what this transaction does.
    pub(super) fn note(
        &self,
        account: Option<&AccountId>,
        action: &str,
        subject: &str,
    ) -> Fallible<()> {
        self.sql
            .prepare_cached(
                "INSERT INTO audit (at, account, token, actor, action, subject)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![
                self.now,
                account.map(AccountId::as_str),
                self.by.token.as_ref().map(|token| token.as_str()),
                self.by.name,
                action,
                subject
            ])?;
        Ok(())
    }

    /// Forgets the oldest rows.
    pub(super) fn trim_audit(&self) -> Fallible<()> {
        let oldest = "DELETE FROM audit WHERE id <= (SELECT max(id) FROM audit) - ?1";
        self.sql.execute(oldest, [MAX_ROWS])?;
        Ok(())
    }
}

pub(super) fn list(
    sql: &Connection,
    account: Option<&AccountId>,
    limit: u32,
) -> Fallible<Vec<AuditRow>> {
    let columns = "SELECT at, account, token, actor, action, subject FROM audit";
    let wanted = match account {
        Some(_) => "WHERE account = ?1",
        None => "WHERE ?1 IS NULL",
    };
    let rows = sql
        .prepare_cached(&format!("{columns} {wanted} ORDER BY id DESC LIMIT ?2"))?
        .query_map(params![account.map(AccountId::as_str), limit], |row| {
            Ok(AuditRow {
                at: row.get(0)?,
                account: optional_id(row, 1)?,
                token: optional_id(row, 2)?,
                actor: row.get(3)?,
                action: row.get(4)?,
                subject: row.get(5)?,
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}
