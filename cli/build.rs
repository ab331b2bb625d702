//! How the binary is linked.
#![expect(
    clippy::disallowed_methods,
    reason = "cargo talks to build scripts by environment variables"
)]

use std::process::Command;

/// Packed relocations need this version of the C library, where the binary runs.
const PACKED_SINCE: (u32, u32) = (2, 36);
/// Set it to build for systems with an older one.
const PORTABLE: &str = "SELVEDGE_PORTABLE";

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed={PORTABLE}");
    let is = |name: &str, value: &str| std::env::var(name).is_ok_and(|it| it == value);
    let is_gnu = is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_ENV", "gnu");
    let is_native = std::env::var_os("HOST") == std::env::var_os("TARGET");
    let is_new = c_library().is_some_and(|version| version >= PACKED_SINCE);
    if is_gnu && is_native && is_new && std::env::var_os(PORTABLE).is_none() {
        // The loader reads 27 KB of relocations at each start instead of 2.7 MB,
        // which stay in the process's memory.
        println!("cargo:rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

/// The version of the C library of the machine that builds.
fn c_library() -> Option<(u32, u32)> {
    let output = Command::new("getconf").arg("GNU_LIBC_VERSION").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (major, minor) = text.trim().strip_prefix("glibc ")?.split_once('.')?;
    Some((major.parse().ok()?, minor.split('.').next()?.parse().ok()?))
}
