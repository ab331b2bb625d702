//! What a Worker's compatibility flags change in files of Node's library: a few places
//! of their text, looked for when Selvedge is built.

use std::path::Path;

/// A file, the text that stands in it once, and what stands there instead.
type Patch = (&'static str, &'static str, &'static str);

const WRITABLE: &str = "internal/streams/writable.js";

/// Writable streams of Node.js 24 know no encoding that does not exist, and `write()`
/// tells what is left when the chunk is written, not what there was with it.
const PATCHES: &[Patch] = &[
    (
        WRITABLE,
        "const kEnded = 1 << 30;\n",
        "const kEnded = 1 << 30;\n\
         const v24 = require('internal/selvedge/host').isOn('enable_streams_nodejs_v24_compat');\n",
    ),
    (
        WRITABLE,
        "    enumerable: false,\n    get() { return (this[kState] & bit) !== 0; },\n",
        "    enumerable: !v24,\n    get() { return (this[kState] & bit) !== 0; },\n",
    ),
    (
        WRITABLE,
        "  } else {\n    throw new ERR_UNKNOWN_ENCODING(defaultEncoding);\n",
        "  } else if (!v24) {\n    this[kDefaultEncodingValue] = defaultEncoding;\n  \
         } else {\n    throw new ERR_UNKNOWN_ENCODING(defaultEncoding);\n",
    ),
    (
        WRITABLE,
        "  state.length += len;\n",
        "  state.length += len;\n  \
         const fits = v24 || state.length < state.highWaterMark || state.length === 0;\n  \
         if (!fits) state[kState] |= kNeedDrain;\n",
    ),
    (
        WRITABLE,
        "  const ret = state.length < state.highWaterMark || state.length === 0;\n",
        "  const ret = v24 ? state.length < state.highWaterMark || state.length === 0 : fits;\n",
    ),
];

/// Whether there is cryptography is not to be seen in `process.versions`, where the
/// library has a name only.
const WITHOUT_CRYPTO: &str = "!process.versions.openssl";
const ASK_FOR_CRYPTO: [&str; 2] = ["internal/util.js", "internal/util/types.js"];

/// Files that get a line more at their end.
const APPENDED: &[(&str, &str)] = &[
    ("crypto.js", "require('internal/selvedge/dated').crypto(module.exports);\n"),
    (
        "util.js",
        "if (!require('internal/selvedge/host').isOff('remove_nodejs_compat_eol_v23')) \
         require('internal/selvedge/dated').util(module.exports);\n",
    ),
    (
        "zlib.js",
        "if (require('internal/selvedge/host').isOff('nodejs_zlib')) \
         module.exports = require('internal/selvedge/dated').zlib(module.exports);\n",
    ),
];

/// The text of a file; `nodes` is the folder of Node's.
///
/// # Panics
/// When Node's file does not have the text that is to be changed.
pub(crate) fn patched(file: &Path, nodes: &str, source: String) -> String {
    let Ok(name) = file.strip_prefix(nodes) else { return source };
    let name = name.to_string_lossy();
    let mut source = source;
    for (_, from, to) in PATCHES.iter().filter(|(patched, ..)| *patched == name) {
        assert_eq!(source.matches(from).count(), 1, "{name} has this text once: {from}");
        source = source.replace(from, to);
    }
    if ASK_FOR_CRYPTO.contains(&&*name) {
        assert!(source.contains(WITHOUT_CRYPTO), "{name} asks whether there is cryptography");
        source = source.replace(WITHOUT_CRYPTO, "false");
    }
    for (_, line) in APPENDED.iter().filter(|(appended, _)| *appended == name) {
        source.push_str(line);
    }
    source
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_files_are_there_and_are_changed() {
        let nodes = concat!(env!("CARGO_MANIFEST_DIR"), "/../third_party/node/lib");
        let names =
            PATCHES.iter().map(|(name, ..)| name).chain(APPENDED.iter().map(|(name, _)| name));
        for name in names.chain(&ASK_FOR_CRYPTO) {
            let file = Path::new(nodes).join(name);
            let source = std::fs::read_to_string(&file).unwrap();
            assert_ne!(patched(&file, nodes, source.clone()), source, "{name}");
        }
    }
}
