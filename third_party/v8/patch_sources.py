#!/usr/bin/env python3
"""Edits the build files of the crate `v8` so that Debian 12's gn and clang 22 accept them.

usage: patch_sources.py <folder of the crate's sources> <temporal_capi's bindings/cpp> <libtemporal.a>

Each edit names its file, the exact text that it expects, how often, and what
takes its place. An edit whose text is not there that often ends the program,
so a new version of the crate cannot be half patched unnoticed.
"""

import sys
from pathlib import Path

# Debian's gn is of December 2022: it has no path_exists() and no string_hash(),
# and does not know some newer variables. Every such place has a constant answer
# in this build, which is on Linux, with plain ninja and without a sysroot.
EDITS = [
    # path_exists()
    ("build/toolchain/siso.gni",
     '_is_ninja_used = path_exists(rebase_path(".ninja_deps", root_build_dir))',
     "_is_ninja_used = true", 1),
    ("build/toolchain/siso.gni",
     'path_exists("//build/config/siso/.sisoenv")', "false", 1),
    ("build/config/c++/modules.gni", "path_exists(path)", "true", 1),
    ("build/config/compiler/BUILD.gn",
     "path_exists(_head_revision_stamp_path)", "false", 1),
    ("build/config/sysroot.gni", "path_exists(sysroot)", "true", 1),
    ("build/toolchain/rbe.gni", "path_exists(rewrapper_path)", "true", 1),
    ("build/toolchain/rbe.gni", "!path_exists(reclient_cc_cfg_file)", "false", 1),

    # string_hash(): a name without separators does as well.
    ("build/rust/gni_impl/rust_target.gni",
     'string_hash(get_label_info(":${_target_name}", "dir"))',
     'string_replace(get_label_info(":${_target_name}", "dir"), "/", "_")', 1),
    ("build/rust/rust_static_library.gni",
     'string_hash(get_label_info(":${_target_name}", "dir"))',
     'string_replace(get_label_info(":${_target_name}", "dir"), "/", "_")', 1),
    ("build/rust/gni_impl/cpp_api_from_rust.gni",
     'string_hash(get_label_info(_rust_target_name, "label_with_toolchain"))',
     'string_replace(string_replace(string_replace(string_replace('
     'get_label_info(_rust_target_name, "label_with_toolchain"),'
     ' "/", "_"), ":", "_"), "(", "_"), ")", "_")', 1),

    # {{cc_module_name}}: C++ modules are off.
    ("build/toolchain/gcc_toolchain.gni",
     ' -fmodule-name=\\"{{cc_module_name}}_Private\\"', "", 1),
    ("build/toolchain/gcc_toolchain.gni",
     ' -fmodule-name=\\"{{cc_module_name}}\\"', "", 1),

    # `inputs` of a tool
    ("build/toolchain/gcc_toolchain.gni",
     "        inputs =\n"
     '            [ get_path_info(rebase_path(ar, ".", root_out_dir), "abspath") ]\n',
     "", 1),
    ("build/toolchain/gcc_toolchain.gni", "inputs = rustc_wrapper_inputs\n", "\n", 6),

    # c_additional_outputs: there is no split debug information.
    ("build/config/compiler/BUILD.gn",
     "    c_additional_outputs =\n"
     '        [ "{{target_out_dir}}/{{label_name}}/{{source_name_part}}.dwo" ]\n',
     "", 1),

    # An action of a folder named `libc++` gets a rule name with a `+`, which
    # ninja refuses. Only C++ modules need it.
    ("buildtools/third_party/libc++/BUILD.gn",
     'if (current_toolchain == default_toolchain) {\n'
     "  # Note: there are setups where clang_modules",
     'if (false) {\n'
     "  # Note: there are setups where clang_modules", 1),

    # Flags of clang 23 that clang 22 does not know
    ("build/config/compiler/BUILD.gn",
     'cflags += [ "-fdiagnostics-show-inlining-chain" ]', "cflags += []", 1),
    ("build/config/compiler/BUILD.gn",
     'cflags += [ "-fno-lifetime-dse" ]', "cflags += []", 1),
    ("build/config/sanitizers/sanitizers.gni",
     '        "-fsanitize-ignore-for-ubsan-feature=${invoker.sanitizer}",\n', "", 1),
]

TEMPORAL = """\
# Temporal's Rust half is built by cargo, not by GN. Only mksnapshot links it
# here; a Rust program gets it as a dependency of the crate v8.
config("temporal_capi_cargo") {{
  include_dirs = [ "{include}" ]
  defines = [ "TEMPORAL_CAPI_VERSION_0_2" ]
  libs = [ "{staticlib}" ]
}}

group("temporal_capi") {{
  public_configs = [ ":temporal_capi_cargo" ]
  all_dependent_configs = [ ":temporal_capi_cargo" ]
}}
"""


def edit(root, name, old, new, count):
    path = root / name
    text = path.read_text()
    found = text.count(old)
    if found != count:
        sys.exit(f"{name}: expected {count} times, found {found} times: {old.strip()}")
    path.write_text(text.replace(old, new))
    print(f"  {name}: {old.strip().splitlines()[0]}")


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    root, include, staticlib = (Path(arg).resolve(strict=True) for arg in sys.argv[1:])
    for name, old, new, count in EDITS:
        edit(root, name, old, new, count)

    name = "third_party/rust/temporal_capi/BUILD.gn"
    path = root / name
    if 'group("temporal_capi")' not in path.read_text():
        sys.exit(f"{name}: no group temporal_capi")
    path.write_text(TEMPORAL.format(include=include, staticlib=staticlib))
    print(f"  {name}: replaced")


main()
