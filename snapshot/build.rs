//! Makes the startup snapshot: a V8 heap in which the platform's code has run
//! already. What the snapshot does not hold loads on first use; its sources are
//! embedded beside it, so that the binary needs no file of the build machine.
#![expect(
    clippy::disallowed_methods,
    reason = "cargo talks to build scripts by environment variables"
)]

use std::fmt::Write as _;
use std::path::PathBuf;

use deno_core::snapshot::{CreateSnapshotOptions, create_snapshot};
use deno_core::wrap_lazy_ext_script;

#[path = "src/extensions.rs"]
mod extensions;

/// Scripts that are part of the snapshot, beside what the bootstrap imports.
/// Each makes every isolate larger and spares its first user the loading.
const EAGER: &[&str] = &[];

fn main() {
    // The snapshot holds compiled code of all functions: an isolate's first request
    // would compile them otherwise.
    deno_core::v8::V8::set_flags_from_string("--no-lazy");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let mut extensions = extensions::extensions_with_sources();
    selvedge_js::patch_sources(&mut extensions);
    let node = extensions.iter_mut().find(|extension| extension.name == "selvedge_node");
    selvedge_node::add_scripts(node.expect("it is in the list"));
    for folder in selvedge_node::script_folders() {
        println!("cargo:rerun-if-changed={folder}");
    }
    // Those that are not part of the snapshot are needed once more below.
    let lazy_files: Vec<_> = extensions
        .iter()
        .flat_map(|extension| extension.lazy_loaded_js_files.iter().cloned())
        .collect();
    let snapshot = create_snapshot(
        CreateSnapshotOptions {
            cargo_manifest_dir: env!("CARGO_MANIFEST_DIR"),
            startup_snapshot: None,
            skip_op_registration: false,
            extensions,
            extension_transpiler: None,
            with_runtime_cb: Some(Box::new(|runtime| {
                for script in EAGER {
                    let load = format!("Deno.core.loadExtScript({script:?}); 0");
                    runtime
                        .execute_script("load", load)
                        .unwrap_or_else(|error| panic!("{script}: {error}"));
                }
            })),
        },
        None,
    )
    .unwrap_or_else(|error| panic!("the snapshot was not made: {error}"));
    for file in &snapshot.files_loaded_during_snapshot {
        println!("cargo:rerun-if-changed={}", file.display());
    }
    std::fs::write(out.join("platform.bin"), &snapshot.output).expect("OUT_DIR can be written");

    let mut lazy = Vec::new();
    for file in &lazy_files {
        if snapshot.consumed_lazy_specifiers.iter().any(|done| done == file.specifier) {
            continue;
        }
        let source = file.load().unwrap_or_else(|error| panic!("{}: {error}", file.specifier));
        lazy.push((file.specifier, wrap_lazy_ext_script(source.as_str())));
    }
    lazy.sort();
    let mut table = String::from("&[\n");
    for (index, (specifier, source)) in lazy.iter().enumerate() {
        assert!(source.is_ascii(), "{specifier} must be 7-bit ASCII");
        let name = format!("lazy_{index}.js");
        std::fs::write(out.join(&name), source).expect("OUT_DIR can be written");
        writeln!(table, "({specifier:?}, include_str!(concat!(env!(\"OUT_DIR\"), \"/{name}\"))),")
            .expect("a string can be written");
    }
    table.push(']');
    std::fs::write(out.join("lazy.rs"), table).expect("OUT_DIR can be written");
}
