// compatibility-date: 2026-11-17
// compatibility-flags: wasm_esm_integration_builtins
// compatibility-modules: wasm
// WebAssembly that is imported finds functions of strings.
import { equal, same } from "../assert.js";
import constants from "./wasm/constants.wasm";
import length from "./wasm/length.wasm";

export const strings = {
  test() {
    same(WebAssembly.Module.imports(length), []);
    equal(new WebAssembly.Instance(length).exports.go("hello"), 5);
    equal(new WebAssembly.Instance(constants).exports.go(), "hi");
  },
};
