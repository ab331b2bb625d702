//! What a Worker's SQL may do: what workerd allows.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

/// What a Worker is told that begins or ends a transaction.
pub const NO_TRANSACTIONS: &str = "To execute a transaction, please use the \
    state.storage.transaction() or state.storage.transactionSync() APIs instead of the SQL BEGIN \
    TRANSACTION or SAVEPOINT statements. The JavaScript API is safer because it will automatically \
    roll back on exceptions, and because it interacts correctly with Durable Objects' automatic \
    atomic write coalescing.";

/// Tables and the like of ours begin with this.
const RESERVED: &str = "_cf_";

/// What virtual tables may be.
const MODULES: [&str; 4] = ["fts5", "fts5vocab", "rtree", "rtree_i32"];

/// Functions, sorted. Those of `sqlite_` are what `ALTER TABLE` calls.
const FUNCTIONS: [&str; 137] = [
    "->",
    "->>",
    "abs",
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "avg",
    "bm25",
    "ceil",
    "changes",
    "char",
    "coalesce",
    "concat",
    "concat_ws",
    "cos",
    "cosh",
    "count",
    "cume_dist",
    "current_date",
    "current_time",
    "current_timestamp",
    "date",
    "datetime",
    "degrees",
    "dense_rank",
    "exp",
    "first_value",
    "floor",
    "format",
    "glob",
    "group_concat",
    "hex",
    "highlight",
    "ifnull",
    "iif",
    "instr",
    "json",
    "json_array",
    "json_array_length",
    "json_each",
    "json_extract",
    "json_group_array",
    "json_group_object",
    "json_insert",
    "json_object",
    "json_patch",
    "json_quote",
    "json_remove",
    "json_replace",
    "json_set",
    "json_tree",
    "json_type",
    "json_valid",
    "jsonb",
    "jsonb_array",
    "jsonb_extract",
    "jsonb_group_array",
    "jsonb_group_object",
    "jsonb_insert",
    "jsonb_object",
    "jsonb_patch",
    "jsonb_remove",
    "jsonb_replace",
    "jsonb_set",
    "julianday",
    "lag",
    "last_insert_rowid",
    "last_value",
    "lead",
    "length",
    "like",
    "likelihood",
    "likely",
    "ln",
    "log",
    "log2",
    "lower",
    "ltrim",
    "match",
    "max",
    "max_scalar",
    "min",
    "min_scalar",
    "mod",
    "nth_value",
    "ntile",
    "nullif",
    "octet_length",
    "percent_rank",
    "pi",
    "pow",
    "printf",
    "quote",
    "radians",
    "random",
    "randomblob",
    "rank",
    "replace",
    "round",
    "row_number",
    "rtreecheck",
    "rtrim",
    "sign",
    "sin",
    "sinh",
    "snippet",
    "soundex",
    "sqlite_drop_column",
    "sqlite_rename_column",
    "sqlite_rename_quotefix",
    "sqlite_rename_table",
    "sqlite_rename_test",
    "sqrt",
    "strftime",
    "string_agg",
    "substr",
    "substring",
    "sum",
    "tan",
    "tanh",
    "time",
    "timediff",
    "total",
    "total_changes",
    "trim",
    "trunc",
    "typeof",
    "unhex",
    "unicode",
    "unixepoch",
    "unlikely",
    "upper",
    "zeroblob",
];

/// Whose statement is prepared or stepped, as the authorizer of a connection and
/// its users know it.
#[derive(Debug, Clone, Default)]
pub struct Author(Arc<Flags>);

#[derive(Debug, Default)]
struct Flags {
    foreign: AtomicBool,
    transaction: AtomicBool,
    /// Columns that a Worker's statement sets, with their tables.
    updates: Mutex<Vec<(String, String)>>,
}

impl Author {
    /// Says whether it is a Worker's. Statements of ours may do anything.
    pub fn set_foreign(&self, foreign: bool) {
        self.0.foreign.store(foreign, Ordering::Relaxed);
    }

    /// Whether it is a Worker's.
    pub fn is_foreign(&self) -> bool {
        self.0.foreign.load(Ordering::Relaxed)
    }

    /// The columns that the statements set which were prepared since this was asked
    /// last, with their tables.
    pub fn take_updates(&self) -> Vec<(String, String)> {
        std::mem::take(&mut *self.0.updates.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether a transaction was refused since this was asked last.
    pub fn take_refused_transaction(&self) -> bool {
        self.0.transaction.swap(false, Ordering::Relaxed)
    }

    /// What SQLite asks.
    pub fn authorizer(
        &self,
    ) -> impl for<'a> FnMut(AuthContext<'a>) -> Authorization + Send + 'static {
        let Self(flags) = self.clone();
        move |context| {
            if !flags.foreign.load(Ordering::Relaxed) {
                return Authorization::Allow;
            }
            if is_allowed(&context) {
                if let AuthAction::Update { table_name, column_name } = context.action {
                    let mut updates = flags.updates.lock().unwrap_or_else(PoisonError::into_inner);
                    updates.push((table_name.to_owned(), column_name.to_owned()));
                }
                return Authorization::Allow;
            }
            if matches!(
                context.action,
                AuthAction::Transaction { .. } | AuthAction::Savepoint { .. }
            ) {
                flags.transaction.store(true, Ordering::Relaxed);
            }
            Authorization::Deny
        }
    }
}

fn is_allowed(context: &AuthContext<'_>) -> bool {
    // SQLite names the database of ALTER TABLE elsewhere.
    let database = match context.action {
        AuthAction::AlterTable { database_name, .. } => Some(database_name),
        _ => context.database_name,
    };
    match (database, context.action) {
        // What SQLite itself keeps there.
        (
            Some("temp"),
            AuthAction::Read { table_name, .. } | AuthAction::Update { table_name, .. },
        ) => is_free(table_name),
        (None | Some("main"), action) => is_allowed_in_main(action),
        _ => false,
    }
}

fn is_allowed_in_main(action: AuthAction<'_>) -> bool {
    match action {
        AuthAction::Select | AuthAction::Recursive | AuthAction::Analyze { .. } => true,
        AuthAction::CreateTable { table_name }
        | AuthAction::DropTable { table_name }
        | AuthAction::AlterTable { table_name, .. }
        | AuthAction::Delete { table_name }
        | AuthAction::Insert { table_name }
        | AuthAction::Read { table_name, .. }
        | AuthAction::Update { table_name, .. } => is_free(table_name),
        AuthAction::CreateView { view_name } | AuthAction::DropView { view_name } => {
            is_free(view_name)
        }
        AuthAction::Reindex { index_name } => is_free(index_name),
        AuthAction::CreateIndex { index_name: name, table_name }
        | AuthAction::DropIndex { index_name: name, table_name }
        | AuthAction::CreateTrigger { trigger_name: name, table_name }
        | AuthAction::DropTrigger { trigger_name: name, table_name } => {
            is_free(name) && is_free(table_name)
        }
        AuthAction::CreateVtable { table_name, module_name }
        | AuthAction::DropVtable { table_name, module_name } => {
            is_free(table_name) && MODULES.iter().any(|it| it.eq_ignore_ascii_case(module_name))
        }
        AuthAction::Function { function_name } => {
            FUNCTIONS.binary_search(&function_name.to_ascii_lowercase().as_str()).is_ok()
        }
        AuthAction::Pragma { pragma_name, pragma_value } => {
            is_allowed_pragma(pragma_name, pragma_value)
        }
        // Transactions, other databases, temporary tables, and what comes with
        // later versions of SQLite.
        _ => false,
    }
}

/// Whether a name is not one of ours. SQLite takes no notice of the case.
pub fn is_free(name: &str) -> bool {
    !name.get(..RESERVED.len()).is_some_and(|start| start.eq_ignore_ascii_case(RESERVED))
}

fn is_allowed_pragma(name: &str, value: Option<&str>) -> bool {
    let any = value.is_none();
    match name.to_ascii_lowercase().as_str() {
        // R-trees ask for the size of a page.
        "data_version" | "page_size" => any,
        // It names tables of ours as well, which is no secret.
        "table_list" => true,
        "case_sensitive_like"
        | "foreign_keys"
        | "defer_foreign_keys"
        | "ignore_check_constraints"
        | "legacy_alter_table"
        | "recursive_triggers"
        | "reverse_unordered_selects" => value.is_none_or(is_boolean),
        "table_info" | "table_xinfo" | "foreign_key_list" | "index_info" | "index_list"
        | "index_xinfo" => value.is_some_and(is_free),
        "foreign_key_check" => value.is_none_or(is_free),
        "quick_check" => value.is_none_or(|it| it.parse::<u32>().is_ok() || is_free(it)),
        "optimize" => value.is_none_or(|it| it.parse::<i32>().is_ok()),
        _ => false,
    }
}

fn is_boolean(value: &str) -> bool {
    let bare = value.trim_matches(['\'', '"']);
    ["true", "false", "yes", "no", "on", "off", "1", "0"]
        .iter()
        .any(|it| it.eq_ignore_ascii_case(bare))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_can_be_searched() {
        assert!(FUNCTIONS.is_sorted());
    }

    #[test]
    fn names_of_ours_are_reserved_in_any_case() {
        for name in ["_cf_KV", "_CF_kv", "_cf_"] {
            assert!(!is_free(name), "{name}");
        }
        for name in ["_cf", "cf_kv", "a_cf_", "", "é_c", "_c\u{e9}_"] {
            assert!(is_free(name), "{name}");
        }
    }
}
