//! Static files: the folder, its manifest, and the upload of what the server
//! does not have yet.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use indicatif::{ProgressBar, ProgressStyle};
use selvedge_assets::content_type;
use selvedge_assets::source::{AssetSource as _, FolderSource};
use selvedge_client::assets::{Entry, Manifest, Source, announce, hash, upload as upload_bucket};
use selvedge_server::config::Config;
use serde_json::{Map, Value};

use super::super::output::say;
use super::Prepared;
use super::upload::boundary;

/// Keys of `assets` that the server needs.
const SENT: [&str; 3] = ["html_handling", "not_found_handling", "run_worker_first"];

/// The static files of a Worker.
#[derive(Debug, Clone)]
pub(in crate::remote) struct Assets {
    config: Map<String, Value>,
    manifest: Manifest,
    files: Arc<Files>,
    pub(super) warnings: Vec<String>,
}

/// A folder, and its files by the hash of their content.
#[derive(Debug)]
struct Files {
    folder: FolderSource,
    by_hash: BTreeMap<String, File>,
}

#[derive(Debug)]
struct File {
    /// Below the folder, with a leading `/`.
    path: String,
    size: u64,
    content_type: String,
}

impl Source for Files {
    fn read(&self, hash: &str) -> std::io::Result<Bytes> {
        let file = self.by_hash.get(hash).ok_or(std::io::ErrorKind::NotFound)?;
        read(&self.folder, &file.path).map(Bytes::from)
    }

    fn about(&self, hash: &str) -> Option<(u64, String)> {
        self.by_hash.get(hash).map(|file| (file.size, file.content_type.clone()))
    }
}

/// The whole content of a file.
fn read(folder: &FolderSource, path: &str) -> std::io::Result<Vec<u8>> {
    let opened = folder.open(path)?;
    let mut content = vec![0; usize::try_from(opened.asset.size).unwrap_or(usize::MAX)];
    let length = opened.content.read_at(&mut content, 0)?;
    content.truncate(length);
    Ok(content)
}

impl Assets {
    /// Those of the folder that the command line names, else of the
    /// configuration's.
    pub(super) fn of(config: &Config, folder: Option<&Path>) -> anyhow::Result<Option<Self>> {
        let section = config.section("assets");
        let in_config = section.and_then(|section| section.get("directory"));
        let in_config = in_config.and_then(|it| it.as_str().map(|name| config.root.join(name)));
        let Some(folder) = folder.map(Path::to_path_buf).or(in_config) else { return Ok(None) };
        if !folder.is_dir() {
            bail!("the folder of assets does not exist: {}", folder.display());
        }
        let table = section.map(|section| section.to_json()).unwrap_or_default();
        let mut sent = Map::new();
        for key in SENT {
            if let Some(value) = table.get(key) {
                sent.insert(key.to_owned(), value.clone());
            }
        }
        // The same walk as `dev` takes: what is ignored there is ignored here.
        let walked = FolderSource::walk(&folder)?;
        for (name, text) in [("_headers", walked.headers), ("_redirects", walked.redirects)] {
            if let Some(text) = text {
                sent.insert(name.to_owned(), text.into());
            }
        }
        let (manifest, files) = hashed(walked.source)
            .with_context(|| format!("cannot read the assets in {}", folder.display()))?;
        let files = Arc::new(files);
        Ok(Some(Self { config: sent, manifest, files, warnings: walked.warnings }))
    }

    /// `assets.config` of the metadata.
    pub(super) fn config(&self) -> Value {
        self.config.clone().into()
    }

    pub(super) fn manifest(&self) -> &Manifest {
        &self.manifest
    }
}

/// The manifest of a folder, and its files by hash.
fn hashed(folder: FolderSource) -> std::io::Result<(Manifest, Files)> {
    let mut manifest = Manifest::new();
    let mut by_hash = BTreeMap::new();
    for path in folder.paths() {
        let content = read(&folder, path)?;
        let name = path.rsplit('/').next().unwrap_or(path);
        let extension = Path::new(name).extension().and_then(std::ffi::OsStr::to_str);
        let hash = hash(&content, extension.unwrap_or_default());
        let size = content.len() as u64;
        manifest.insert(path.to_owned(), Entry { hash: hash.clone(), size });
        // The API's word for a file without a type.
        let content_type =
            content_type(path).map_or("application/null".into(), |it| it.to_string());
        by_hash.insert(hash, File { path: path.to_owned(), size, content_type });
    }
    Ok((manifest, Files { folder, by_hash }))
}

/// Uploads what is missing; gives the completion token.
pub(super) async fn upload(prepared: &Prepared) -> anyhow::Result<Option<String>> {
    let Some(assets) = &prepared.built.assets else { return Ok(None) };
    let explain = |error| prepared.remote.explain(error);
    let session = announce(&prepared.script(), assets.manifest()).await.map_err(explain)?;
    let Some(mut token) = session.jwt else {
        bail!("the server did not answer the list of assets with a token");
    };
    let missing: usize = session.buckets.iter().map(Vec::len).sum();
    let known = assets.manifest.len().saturating_sub(missing);
    if missing == 0 {
        say(&format!("No updated asset files to upload ({known} unchanged)."));
        return Ok(Some(token));
    }
    let size = |hash: &String| assets.files.about(hash).map_or(0, |(size, _)| size);
    let total: u64 = session.buckets.iter().flatten().map(size).sum();
    let bar = bytes_bar(total.div_ceil(3) * 4, "uploading assets");
    let session_token = token.clone();
    for (number, bucket) in session.buckets.iter().enumerate() {
        let progress = progress(&bar);
        let boundary = boundary(number);
        let account = prepared.account();
        let uploaded = upload_bucket(
            &account,
            &session_token,
            bucket,
            &assets.files,
            &boundary,
            Some(progress),
        );
        if let Some(complete) = uploaded.await.map_err(explain)? {
            token = complete;
        }
    }
    bar.finish_and_clear();
    if token == session_token {
        bail!("the server did not say that all assets are there");
    }
    say(&format!("Uploaded {missing} asset files ({known} unchanged)."));
    Ok(Some(token))
}

/// A bar that counts bytes, on stderr if that is a terminal.
pub(super) fn bytes_bar(total: u64, what: &'static str) -> ProgressBar {
    let template = "{msg} {wide_bar} {percent}% {bytes}/{total_bytes} ({bytes_per_sec}, {eta})";
    let style = ProgressStyle::with_template(template).expect("the template is valid");
    ProgressBar::new(total).with_style(style).with_message(what)
}

/// What moves a bar.
pub(super) fn progress(bar: &ProgressBar) -> selvedge_client::Progress {
    let bar = bar.clone();
    Arc::new(move |bytes| bar.inc(bytes))
}
