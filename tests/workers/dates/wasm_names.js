// compatibility-date: 2026-11-01
// compatibility-flags: wasm_source_url_support
// compatibility-modules: wasm
// Stacks name the file of WebAssembly that is imported.
import { ok, throws } from "../assert.js";
import trap from "./wasm/trap.wasm";

export const stacksNameFiles = {
  test() {
    const { go } = new WebAssembly.Instance(trap).exports;
    const { stack } = throws(() => go(), WebAssembly.RuntimeError);
    ok(/at [^:]*dates\/wasm\/trap\.wasm:wasm-function\[0\]:0x1f/.test(stack), stack);
  },
};
