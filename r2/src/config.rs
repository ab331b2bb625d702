//! The key `r2_buckets` of wrangler's configuration
//! (<https://developers.cloudflare.com/workers/wrangler/configuration/#r2-buckets>).

use serde::Deserialize;

/// One table of `r2_buckets`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct BucketConfig {
    /// The name in `env`.
    pub binding: String,
    bucket_name: Option<String>,
    /// Asks wrangler to use Cloudflare's data.
    #[serde(default, alias = "experimental_remote")]
    pub remote: bool,
}

impl BucketConfig {
    /// Which bucket it is: its name, else that of the binding. Equal ones are
    /// the same data.
    pub fn bucket(&self) -> &str {
        match self.bucket_name.as_deref() {
            None | Some("") => &self.binding,
            Some(name) => name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_binding_names_a_bucket_that_has_no_name() {
        let read = |json| serde_json::from_value::<BucketConfig>(json).expect("it is valid");
        let given = read(
            serde_json::json!({ "binding": "B", "bucket_name": "files", "jurisdiction": "eu" }),
        );
        assert_eq!((given.binding.as_str(), given.bucket(), given.remote), ("B", "files", false));
        assert_eq!(read(serde_json::json!({ "binding": "B", "remote": true })).bucket(), "B");
        assert_eq!(read(serde_json::json!({ "binding": "B", "bucket_name": "" })).bucket(), "B");
    }
}
