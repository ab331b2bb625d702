#!/usr/bin/env bash
# Rebuilds the V8 archive of this folder from the source inside the crate `v8`.
#
# usage: third_party/v8/rebuild.sh <work folder> [ninja target]
#
# Debian 12 on x86_64, about one hour on two cores, 10 GB in the work folder,
# which is made if it is not there. A second run over the same folder starts from
# fresh sources but reuses what ninja has already built.
# The result lies in <work folder>; README.md says how to take it into the tree.
#
# With a ninja target (such as `obj/v8/v8_libbase/bits.o`) only that is built:
# a quick try of the toolchain.
set -euo pipefail

V8=150.4.0
ICUDATA=0.77.0 # deno_core_icudata: the same ICU 77 as V8's
TEMPORAL=0.2.3 # temporal_capi: what V8's own build files use
LLVM=22
PACKAGES=(
  "clang-$LLVM" "lld-$LLVM" "llvm-$LLVM" "libclang-rt-$LLVM-dev"
  ninja-build generate-ninja pkg-config python3 gcc libc6-dev
)
ARCHIVE=librusty_v8_simdutf_release_x86_64-unknown-linux-gnu.a.gz

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
checkout=$(realpath "$here/../..")

step() { printf '\n== %s\n' "$*"; }
die() {
  printf 'rebuild.sh: %s\n' "$*" >&2
  exit 1
}

[ $# -ge 1 ] || die "usage: third_party/v8/rebuild.sh <work folder> [ninja target]"
target=${2:-rusty_v8}

step "check the machine"
[ "$(uname -sm)" = "Linux x86_64" ] || die "this recipe is for x86_64 Linux only"
command -v cargo >/dev/null || die "cargo is missing: install Rust"
missing=()
for package in "${PACKAGES[@]}"; do
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
    missing+=("$package")
done
[ ${#missing[@]} = 0 ] ||
  die "packages are missing: apt-get install --no-install-recommends ${missing[*]}"
grep -A1 '^name = "v8"$' "$checkout/Cargo.lock" | grep -qx "version = \"$V8\"" ||
  die "Cargo.lock does not name v8 $V8: change V8 in this script (and look at every patch)"
work=$(realpath -m "$1")
case $work/ in
  "$checkout"/*) die "the work folder must lie outside of the checkout" ;;
esac
mkdir -p "$work"

step "fetch the crates"
mkdir -p "$work/crates/src"
cat >"$work/crates/Cargo.toml" <<TOML
[package]
name = "temporal"
version = "0.0.0"
edition = "2024"

[lib]
crate-type = ["staticlib"]

[dependencies]
temporal_capi = { version = "=$TEMPORAL", features = ["zoneinfo64"] }

# Only their sources are wanted. A dependency of another platform is fetched but not built.
[target.'cfg(target_os = "none")'.dependencies]
v8 = "=$V8"
deno_core_icudata = "=$ICUDATA"

[profile.release]
panic = "abort"

[workspace]
TOML
echo 'pub use temporal_capi::*;' >"$work/crates/src/lib.rs"
cargo fetch --manifest-path "$work/crates/Cargo.toml"
cargo metadata --format-version 1 --offline --manifest-path "$work/crates/Cargo.toml" \
  >"$work/crates/metadata.json"
# crate_folder <name> <version>: where cargo keeps the sources of a crate
crate_folder() {
  python3 - "$work/crates/metadata.json" "$@" <<'PYTHON'
import json, os, sys
packages = json.load(open(sys.argv[1]))["packages"]
print(*[os.path.dirname(p["manifest_path"]) for p in packages
        if [p["name"], p["version"]] == sys.argv[2:]])
PYTHON
}
v8_crate=$(crate_folder v8 "$V8")
icu_crate=$(crate_folder deno_core_icudata "$ICUDATA")
temporal_crate=$(crate_folder temporal_capi "$TEMPORAL")
for folder in "$v8_crate" "$icu_crate" "$temporal_crate"; do
  [ -d "$folder" ] || die "a crate's sources are not where cargo says: \"$folder\""
done

step "copy the sources of v8 $V8"
src=$work/v8
rm -rf "$src"
cp -a "$v8_crate" "$src"
rm "$src/rust-toolchain.toml"

step "add the ICU data, which the crate leaves out"
grep -q "\"${ICUDATA:2:2}\"" "$src/third_party/icu/version.json" ||
  die "V8's ICU is not version ${ICUDATA:2:2}: $(tr -d '\n' <"$src/third_party/icu/version.json")"
mkdir -p "$src/third_party/icu/common"
cp "$icu_crate/src/icudtl.dat" "$src/third_party/icu/common/icudtl.dat"

step "build Temporal's Rust half with cargo"
cargo build --release --manifest-path "$work/crates/Cargo.toml" --target-dir "$work/crates/target"
staticlib=$work/crates/target/release/libtemporal.a

step "patch the build files"
python3 "$here/patch_sources.py" "$src" "$temporal_crate/bindings/cpp" "$staticlib"

step "lay out clang $LLVM as the build files expect it"
llvm=$work/llvm
builtins=$llvm/lib/clang/$LLVM/lib/x86_64-unknown-linux-gnu
rm -rf "$llvm"
mkdir -p "$builtins"
ln -s "/usr/lib/llvm-$LLVM/bin" "$llvm/bin"
ln -s "/usr/lib/llvm-$LLVM/lib/clang/$LLVM/include" "$llvm/lib/clang/$LLVM/include"
debian_builtins=/usr/lib/llvm-$LLVM/lib/clang/$LLVM/lib/linux/libclang_rt.builtins-x86_64.a
[ -f "$debian_builtins" ] || die "no $debian_builtins"
ln -s "$debian_builtins" "$builtins/libclang_rt.builtins.a"

step "gn gen"
out=$work/out
gn_args=(
  is_debug=false
  use_custom_libcxx=true
  v8_enable_sandbox=false
  v8_enable_pointer_compression=false
  v8_enable_v8_checks=false
  rusty_v8_enable_simdutf=true
  "clang_base_path=\"$llvm\""
  "clang_version=\"$LLVM\""
  clang_use_chrome_plugins=false
  treat_warnings_as_errors=false
  v8_monolithic_for_shared_library=true
  symbol_level=0
  v8_symbol_level=0
  line_tables_only=false
  enable_rust=false
  enable_rust_cxx=false
  use_glib=false
)
gn gen "$out" --root="$src" --script-executable=python3 --args="${gn_args[*]}"

step "ninja $target"
ninja -C "$out" "$target"
[ "$target" = rusty_v8 ] || exit 0

step "strip and compress"
cp "$out/obj/librusty_v8.a" "$work/librusty_v8.a"
"$llvm/bin/llvm-strip" --strip-debug "$work/librusty_v8.a"
gzip -9 --no-name --stdout "$work/librusty_v8.a" >"$work/$ARCHIVE"
(cd "$work" && sha256sum "$ARCHIVE" | tee SHA256SUMS)

step "done: $work/$ARCHIVE"
