//! From positions in a bundle to positions in what it was made from.

use std::fmt;

/// The source map of a main module. Sources are named from the root of the
/// project and are contained in the map.
#[derive(Clone)]
pub struct SourceMap(oxc_sourcemap::SourceMap<'static>);

/// A place in a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Original<'a> {
    /// The source, from the root of the project.
    pub file: &'a str,
    /// From 1.
    pub line: u32,
    /// From 1, in UTF-16 units, as V8 counts.
    pub column: u32,
    /// What the name at this place was before it was renamed.
    pub name: Option<&'a str>,
}

impl SourceMap {
    /// Takes rolldown's map, and names its file and its virtual sources.
    pub(crate) fn new(mut map: oxc_sourcemap::SourceMap<'static>, file: &str) -> Self {
        map.set_file(file);
        let sources: Vec<String> =
            map.get_sources().map(|source| source.replace('\0', "")).collect();
        map.set_sources(&sources);
        let ignored = (0u32..).zip(&sources).filter(|(_, source)| !is_own(source));
        map.set_x_google_ignore_list(ignored.map(|(index, _)| index).collect());
        Self(map)
    }

    /// The map in the format that browsers and V8's inspector read (version 3).
    pub fn to_json(&self) -> String {
        self.0.to_json_string()
    }

    /// Where the code at a place in the main module comes from. Line and column
    /// count from 1, as in V8's stacks; the column is in UTF-16 units.
    pub fn original(&self, line: u32, column: u32) -> Option<Original<'_>> {
        let (line, column) = (line.checked_sub(1)?, column.checked_sub(1)?);
        let table = self.0.generate_lookup_table();
        let token = self.0.lookup_source_view_token(&table, line, column)?;
        Some(Original {
            file: token.get_source()?,
            line: token.get_src_line() + 1,
            column: token.get_src_col() + 1,
            name: token.get_name(),
        })
    }

    /// The names of all sources.
    pub fn sources(&self) -> impl Iterator<Item = &str> {
        self.0.get_sources()
    }

    /// The text of a source, as it was bundled.
    pub fn source_text(&self, file: &str) -> Option<&str> {
        let index = self.0.get_sources().position(|source| source == file)?;
        self.0.get_source_content(u32::try_from(index).ok()?)
    }
}

/// Whether a debugger should show this source: neither a package nor made by the
/// bundler.
fn is_own(source: &str) -> bool {
    let virtual_source = ["rolldown/", "selvedge:", "@oxc-project/"];
    !source.contains("node_modules/")
        && !virtual_source.iter().any(|prefix| source.starts_with(prefix))
}

impl fmt::Debug for SourceMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.sources()).finish()
    }
}
