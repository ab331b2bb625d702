//! What bundling gives.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::options::Format;
use crate::problem::Problem;
use crate::rules::ModuleKind;
use crate::source_map::SourceMap;

/// A bundled Worker.
#[derive(Debug, Clone)]
pub struct Bundle {
    /// The main module first.
    pub modules: Vec<Module>,
    pub format: Format,
    /// What the main module exports: handlers, Durable Objects, entrypoints.
    pub exports: Vec<String>,
    /// From the main module to the sources.
    pub source_map: SourceMap,
    /// What the bundle imports from the runtime, as `node:fs`.
    pub externals: Vec<External>,
    /// What the user should know and can go on without.
    pub warnings: Vec<Problem>,
    pub watch: Watch,
}

impl Bundle {
    /// The module that is run.
    pub fn main(&self) -> &Module {
        self.modules.first().expect("a bundle has a main module")
    }
}

/// One module of a Worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    /// The path that other modules import it by, without `./`.
    pub name: String,
    pub kind: ModuleKind,
    pub bytes: Vec<u8>,
    /// The file it was read from; the main module has many.
    pub path: Option<PathBuf>,
}

/// An import that was left to the runtime.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct External {
    pub specifier: String,
    /// The files that import it, from the root of the project.
    pub importers: Vec<String>,
}

/// What a bundle depends on: when any of it changes, it is to be made again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Watch {
    /// Sources, modules, and every `package.json` and `tsconfig.json` that had a say.
    pub files: BTreeSet<PathBuf>,
    /// Folders in which a new file matters: because something is missing there, or
    /// because all that lies in them is part of the Worker.
    pub folders: BTreeSet<PathBuf>,
}

/// Why there is no bundle. What to watch is known all the same.
#[derive(Debug, Clone, Default)]
pub struct Failure {
    /// At least one, in the order of files and positions.
    pub problems: Vec<Problem>,
    pub warnings: Vec<Problem>,
    pub watch: Watch,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            let gap = if index == 0 { "" } else { "\n\n" };
            write!(f, "{gap}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}
