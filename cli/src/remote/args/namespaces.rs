//! `selvedge dispatch-namespace`.

use clap::Subcommand;

use super::ServerArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum NamespaceCommand {
    /// Print all namespaces.
    List {
        /// Print them as JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Print what is known of a namespace, as JSON.
    Get {
        /// Its name.
        name: String,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Create a namespace.
    Create {
        /// Its name.
        name: String,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Rename a namespace that has no Workers.
    Rename {
        /// What it is called.
        old_name: String,
        /// What it is to be called.
        new_name: String,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Delete a namespace that has no Workers.
    Delete {
        /// Its name.
        name: String,
        /// Do not ask.
        #[arg(short, long)]
        yes: bool,
        #[command(flatten)]
        server: ServerArgs,
    },
}

impl NamespaceCommand {
    /// Which server.
    pub(crate) fn server(&self) -> &ServerArgs {
        match self {
            Self::List { server, .. }
            | Self::Get { server, .. }
            | Self::Create { server, .. }
            | Self::Rename { server, .. }
            | Self::Delete { server, .. } => server,
        }
    }
}
