//! Variables from the command line and the environment, which every command
//! that reads a Worker takes in the same way.

use std::path::PathBuf;

use clap::Args;
use selvedge_server::config::VarOptions;

/// Where variables come from besides the configuration.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct VarArgs {
    /// A variable for env, which wins over all others; can be given several times.
    #[arg(long = "var", value_name = "KEY:VALUE", value_parser = var, help_heading = "Worker")]
    vars: Vec<(String, String)>,

    /// Read secrets from this file and not from .dev.vars or .env; can be given several times, the
    /// last one wins.
    #[arg(long = "env-file", value_name = "FILE", help_heading = "Worker")]
    env_files: Vec<PathBuf>,
}

impl VarArgs {
    /// These and what the environment says.
    pub(crate) fn options(&self) -> VarOptions {
        VarOptions {
            vars: self.vars.clone(),
            files: self.env_files.clone(),
            // Variables that are not UTF-8 cannot be strings of JavaScript.
            environment: std::env::vars_os()
                .filter_map(|(name, value)| {
                    Some((name.into_string().ok()?, value.into_string().ok()?))
                })
                .collect(),
            include_environment: switch("CLOUDFLARE_INCLUDE_PROCESS_ENV") == Some(true),
            skip_dot_env: switch("CLOUDFLARE_LOAD_DEV_VARS_FROM_DOT_ENV") == Some(false),
        }
    }
}

/// A variable of the environment that is `true` or `false`, as wrangler's are.
fn switch(name: &str) -> Option<bool> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the command line is where the environment is read"
    )]
    let value = std::env::var(name).ok()?;
    match value.to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

fn var(text: &str) -> Result<(String, String), String> {
    match text.split_once(':') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected KEY:VALUE, e.g. --var GREETING:hello".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_colon_ends_the_name() {
        assert_eq!(var("A:b:c"), Ok(("A".into(), "b:c".into())));
        assert_eq!(var("A:"), Ok(("A".into(), String::new())));
        assert!(var("A=b").is_err());
        assert!(var(":b").is_err());
    }
}
