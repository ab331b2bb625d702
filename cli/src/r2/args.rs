//! The command line of `selvedge r2`, in the words of wrangler.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::kv::Place;

const EXAMPLES: &str = "\
Examples:
  selvedge r2 bucket create files
  selvedge r2 object put files/photos/1.jpg --file 1.jpg
  selvedge r2 object get files/photos/1.jpg --file copy.jpg
  selvedge r2 object list files --prefix photos/
  selvedge r2 bucket list --remote";

/// Work with R2 buckets, in a data folder or on a server.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct R2Args {
    #[command(subcommand)]
    pub(super) command: R2Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum R2Command {
    /// Create, list and delete buckets.
    #[command(subcommand, arg_required_else_help = true)]
    Bucket(BucketCommand),
    /// Work with single objects.
    #[command(subcommand, arg_required_else_help = true)]
    Object(ObjectCommand),
}

#[derive(Debug, Subcommand)]
pub(super) enum BucketCommand {
    /// Make a bucket.
    Create {
        /// 3 to 63 lowercase letters, digits and hyphens.
        name: String,
        /// Of objects that are put without one: Standard or InfrequentAccess.
        #[arg(short, long, value_name = "CLASS", default_value = "Standard")]
        storage_class: String,
        /// A hint where to keep it, which is only noted.
        #[arg(long, value_name = "LOCATION")]
        location: Option<String>,
        #[command(flatten)]
        place: Place,
    },
    /// Print all buckets as JSON.
    List {
        #[command(flatten)]
        place: Place,
    },
    /// Print what is known of a bucket.
    Info {
        /// The bucket.
        name: String,
        /// As JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Delete a bucket that has no objects.
    Delete {
        /// The bucket.
        name: String,
        #[command(flatten)]
        place: Place,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum ObjectCommand {
    /// Write an object.
    Put(Box<PutArgs>),
    /// Write an object's body to a file, or to stdout.
    Get {
        /// BUCKET/KEY.
        #[arg(value_name = "BUCKET/KEY")]
        path: String,
        /// The file [default: the last part of the key, in this folder].
        #[arg(short, long, value_name = "FILE", conflicts_with = "pipe")]
        file: Option<PathBuf>,
        /// To stdout.
        #[arg(short, long)]
        pipe: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Delete an object.
    Delete {
        /// BUCKET/KEY.
        #[arg(value_name = "BUCKET/KEY")]
        path: String,
        #[command(flatten)]
        place: Place,
    },
    /// Print a bucket's objects as JSON.
    List {
        /// The bucket.
        bucket: String,
        /// Only keys that begin with this.
        #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
        prefix: String,
        /// Gather keys that have this behind the prefix.
        #[arg(long, value_name = "TEXT")]
        delimiter: Option<String>,
        #[command(flatten)]
        place: Place,
    },
}

#[derive(Debug, Args)]
pub(super) struct PutArgs {
    /// BUCKET/KEY.
    #[arg(value_name = "BUCKET/KEY")]
    pub(super) path: String,

    /// The file to read; "-" is standard input.
    #[arg(short, long, value_name = "FILE", required_unless_present = "pipe")]
    pub(super) file: Option<PathBuf>,

    /// Read standard input.
    #[arg(short, long, conflicts_with = "file")]
    pub(super) pipe: bool,

    /// Content-Type.
    #[arg(long, visible_alias = "ct", value_name = "TYPE")]
    pub(super) content_type: Option<String>,

    /// Content-Disposition.
    #[arg(long, visible_alias = "cd", value_name = "TEXT")]
    pub(super) content_disposition: Option<String>,

    /// Content-Encoding.
    #[arg(long, visible_alias = "ce", value_name = "TEXT")]
    pub(super) content_encoding: Option<String>,

    /// Content-Language.
    #[arg(long, visible_alias = "cl", value_name = "TEXT")]
    pub(super) content_language: Option<String>,

    /// Cache-Control.
    #[arg(long, visible_alias = "cc", value_name = "TEXT")]
    pub(super) cache_control: Option<String>,

    /// Standard or InfrequentAccess [default: that of the bucket].
    #[arg(short, long, value_name = "CLASS")]
    pub(super) storage_class: Option<String>,

    #[command(flatten)]
    pub(super) place: Place,
}
