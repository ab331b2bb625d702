//! `html_handling` and `not_found_handling`: which asset a path stands for, or
//! where it redirects
//! (<https://developers.cloudflare.com/workers/static-assets/routing/advanced/html-handling/>).

use std::borrow::Cow;

use crate::config::{HtmlHandling, NotFoundHandling};
use crate::hash::AssetHash;
use crate::source::AssetSource;

/// What a path stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found<'a> {
    /// The asset at this path.
    Asset(Cow<'a, str>),
    /// The asset at this path, in place of one that is not there.
    InPlace {
        path: String,
        /// 200 or 404.
        status: u16,
    },
    /// The client shall go to this path, which is not encoded.
    Redirect(String),
}

/// Looks paths up.
#[derive(Clone, Copy)]
pub(crate) struct Lookup<'a> {
    pub(crate) source: &'a dyn AssetSource,
    pub(crate) html: HtmlHandling,
    pub(crate) not_found: NotFoundHandling,
}

/// Whether a path may lead to a redirect.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Redirects {
    Follow,
    Never,
}

impl Lookup<'_> {
    /// What a decoded path stands for, if for anything.
    pub(crate) fn find<'p>(&self, path: &'p str) -> Option<Found<'p>> {
        self.look(path, Redirects::Follow)
    }

    fn has(&self, path: &str) -> bool {
        self.source.find(path).is_some()
    }

    fn look<'p>(&self, path: &'p str, redirects: Redirects) -> Option<Found<'p>> {
        let step = Step { lookup: self, redirects };
        let found = match self.html {
            HtmlHandling::AutoTrailingSlash => step.auto(path),
            HtmlHandling::ForceTrailingSlash => step.force(path),
            HtmlHandling::DropTrailingSlash => step.drop(path),
            HtmlHandling::None => step.exact(path),
        };
        found.or_else(|| self.in_place(path))
    }

    /// What is served where there is nothing.
    fn in_place(&self, path: &str) -> Option<Found<'static>> {
        let found =
            |path: String, status| self.has(&path).then_some(Found::InPlace { path, status });
        match self.not_found {
            NotFoundHandling::None => None,
            NotFoundHandling::SinglePageApplication => found("/index.html".to_owned(), 200),
            NotFoundHandling::NotFoundPage => {
                let mut folders = path.match_indices('/').map(|(end, _)| &path[..end]).rev();
                folders.find_map(|folder| found(format!("{folder}/404.html"), 404))
            }
        }
    }

    /// The content that a path leads to without a redirect.
    fn content(&self, path: &str) -> Option<AssetHash> {
        let path = match self.look(path, Redirects::Never)? {
            Found::Asset(path) => path,
            Found::InPlace { path, .. } => path.into(),
            Found::Redirect(_) => return None,
        };
        Some(self.source.find(&path)?.hash)
    }
}

/// The ways from a path to a page, each tried in its turn.
struct Step<'a> {
    lookup: &'a Lookup<'a>,
    redirects: Redirects,
}

impl Step<'_> {
    /// The asset that has just this path.
    fn exact<'p>(&self, path: &'p str) -> Option<Found<'p>> {
        self.lookup.has(path).then_some(Found::Asset(path.into()))
    }

    /// The asset at another path, served here.
    fn serve(&self, file: String) -> Option<Found<'static>> {
        self.lookup.has(&file).then_some(Found::Asset(file.into()))
    }

    /// A redirect to the path at which this file is served. It must not lead to
    /// another asset, or on to another redirect.
    fn to(&self, file: &str, destination: &str) -> Option<Found<'static>> {
        if self.redirects == Redirects::Never || self.lookup.has(destination) {
            return None;
        }
        let there = self.lookup.content(destination)?;
        (self.lookup.source.find(file)?.hash == there)
            .then(|| Found::Redirect(destination.to_owned()))
    }

    /// `page.html` is served at `/page`, `page/index.html` at `/page/`.
    fn auto<'p>(&self, path: &'p str) -> Option<Found<'p>> {
        let page = match Form::of(path) {
            Form::Index(page) => match self.exact(path) {
                None => self
                    .to(&format!("{path}.html"), &format!("{page}/"))
                    .or_else(|| self.to(&format!("{page}.html"), page)),
                found => found,
            },
            Form::IndexHtml(page) => self
                .to(path, &format!("{page}/"))
                .or_else(|| self.to(&format!("{page}.html"), page)),
            Form::Slash(page) => self
                .serve(format!("{path}index.html"))
                .or_else(|| self.to(&format!("{page}.html"), page)),
            Form::Html(page) => self
                .to(path, page)
                .or_else(|| self.to(&format!("{page}/index.html"), &format!("{page}/"))),
            Form::Other => None,
        };
        page.or_else(|| self.exact(path))
            .or_else(|| self.serve(format!("{path}.html")))
            .or_else(|| self.to(&format!("{path}/index.html"), &format!("{path}/")))
    }

    /// Both are served at `/page/`.
    fn force<'p>(&self, path: &'p str) -> Option<Found<'p>> {
        let page = match Form::of(path) {
            Form::Index(page) => match self.exact(path) {
                None => self
                    .to(&format!("{path}.html"), &format!("{page}/"))
                    .or_else(|| self.to(&format!("{page}.html"), &format!("{page}/"))),
                found => found,
            },
            Form::IndexHtml(page) => self
                .to(path, &format!("{page}/"))
                .or_else(|| self.to(&format!("{page}.html"), &format!("{page}/"))),
            Form::Slash(page) => self
                .serve(format!("{path}index.html"))
                .or_else(|| self.serve(format!("{page}.html"))),
            Form::Html(page) => self
                .to(path, &format!("{page}/"))
                .or_else(|| self.exact(path))
                .or_else(|| self.to(&format!("{page}/index.html"), &format!("{page}/"))),
            Form::Other => None,
        };
        page.or_else(|| self.exact(path))
            .or_else(|| self.to(&format!("{path}.html"), &format!("{path}/")))
            .or_else(|| self.to(&format!("{path}/index.html"), &format!("{path}/")))
    }

    /// Both are served at `/page`.
    fn drop<'p>(&self, path: &'p str) -> Option<Found<'p>> {
        let page = match Form::of(path) {
            // The root keeps its slash.
            Form::Index("") => self.exact(path).or_else(|| self.to("/index.html", "/")),
            Form::IndexHtml("") => self.to("/index.html", "/"),
            Form::Slash("") => self.serve("/index.html".to_owned()),
            Form::Index(page) => match self.exact(path) {
                None => self
                    .to(&format!("{page}.html"), page)
                    .or_else(|| self.to(&format!("{path}.html"), page)),
                found => found,
            },
            Form::IndexHtml(page) => self
                .to(path, page)
                .or_else(|| self.exact(path))
                .or_else(|| self.to(&format!("{page}.html"), page)),
            Form::Slash(page) => self
                .to(&format!("{page}.html"), page)
                .or_else(|| self.to(&format!("{page}/index.html"), page)),
            Form::Html(page) => {
                self.to(path, page).or_else(|| self.to(&format!("{page}/index.html"), page))
            }
            Form::Other => None,
        };
        page.or_else(|| self.exact(path))
            .or_else(|| self.serve(format!("{path}.html")))
            .or_else(|| self.serve(format!("{path}/index.html")))
    }
}

/// How a path ends, and what stands before that.
enum Form<'a> {
    /// `/index`
    Index(&'a str),
    /// `/index.html`
    IndexHtml(&'a str),
    /// `/`
    Slash(&'a str),
    /// `.html`
    Html(&'a str),
    Other,
}

impl<'a> Form<'a> {
    fn of(path: &'a str) -> Self {
        if let Some(page) = path.strip_suffix("/index") {
            Self::Index(page)
        } else if let Some(page) = path.strip_suffix("/index.html") {
            Self::IndexHtml(page)
        } else if let Some(page) = path.strip_suffix('/') {
            Self::Slash(page)
        } else if let Some(page) = path.strip_suffix(".html") {
            Self::Html(page)
        } else {
            Self::Other
        }
    }
}

#[cfg(test)]
mod tests;
