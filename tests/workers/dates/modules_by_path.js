// compatibility-date: 2026-11-01
// compatibility-modules: modules
// Specifiers are paths for Workers of dates before `new_module_registry`.
import { equal, ok, rejects, same, throws } from "../assert.js";
import common from "./modules/common.cjs";
import * as inner from "./modules/inner.js";

const { about, load } = common;

/** A path as messages have it. */
const below = inner.load("./nowhere.js").catch(({ message }) => message.slice(16, message.indexOf("nowhere")));

export const whatIsNotThere = {
  async test() {
    const folder = await below;
    for (const [specifier, shown] of [
      ["./a.js", `${folder}a.js`],
      ["a.js", `${folder}a.js`],
      ["/a.js", "a.js"],
      ["./plain.js?x", `${folder}plain.js?x`],
      ["./%70lain.js", `${folder}%70lain.js`],
      ["node:nope", "node:nope"],
      ["cloudflare:nope", "cloudflare:nope"],
    ]) {
      const error = await rejects(inner.load(specifier), Error);
      same([error.name, error.message, Object.keys(error)], ["Error", `No such module "${shown}".`, []]);
    }
    const out = await rejects(inner.load("../../../../a.js"), Error);
    equal(out.message, 'No such module "../../../../a.js"');
    const { message } = await rejects(inner.load("./broken.js"), Error);
    equal(message, `No such module "${folder}nowhere.js".\n  imported from "${folder}broken.js"`);
  },
};

export const whatIsThere = {
  async test() {
    for (const specifier of ["plain.js", "./plain.js", "../modules/plain.js", ".//plain.js"]) {
      equal(await inner.load(specifier), await inner.load("./plain.js"), specifier);
    }
    equal((await inner.load("fs")).default, (await inner.load("node:fs")).default);
    equal((await inner.load("./text.txt")).default, "hello");
    equal((await inner.load("./data.bin")).default.byteLength, 2);
    same((await inner.load("./data.json")).default, { a: 1 });
    ok((await inner.load("./go.wasm")).default instanceof WebAssembly.Module);
    equal((await inner.load("./go.wasm")).default, (await inner.load("./go.wasm")).default);
    same(Object.keys(await inner.load("./common.cjs")), ["default"]);
    for (const name of ["sockets", "workers", "workflows"]) {
      ok(!("default" in await inner.load(`cloudflare:${name}`)), name);
    }
  },
};

export const metaIsEmpty = {
  test() {
    same(Reflect.ownKeys(inner.meta), []);
    equal(Object.getPrototypeOf(inner.meta), null);
  },
};

export const attributesAreRefused = {
  async test() {
    for (const options of [{ with: { type: "json" } }, { with: { other: "x" } }]) {
      const { name, message } = await rejects(import("./modules/data.json", options), Error);
      same([name, message], ["Error", "Unrecognized import attributes specified"]);
    }
    equal((await import("./modules/plain.js", { with: {} })).a, 1);
  },
};

export const importRunsLater = {
  async test() {
    globalThis.order = [];
    const imported = import("./modules/order.js");
    globalThis.order.push("called");
    await imported;
    same(globalThis.order, ["called", "evaluated"]);
  },
};

export const whatThrowsRunsOnce = {
  async test() {
    const first = await rejects(inner.load("./throws.js"), RangeError);
    equal(await rejects(inner.load("./throws.js"), RangeError), first);
    equal(throws(() => load("./throws.js"), RangeError), first);
    equal(globalThis.throwing, 1);
    const required = throws(() => load("./throws.cjs"), RangeError);
    equal(throws(() => load("./throws.cjs"), RangeError), required);
    equal((await rejects(inner.load("./throws.cjs"), RangeError)).message, "boom");
    equal(globalThis.requiring, 1);
  },
};

export const commonJs = {
  async test() {
    const folder = await below;
    same(about, {
      keys: ["path", "exports"],
      path: `/${folder}common.cjs`,
      filename: `/${folder}common.cjs`,
      dirname: `/${folder.slice(0, -1)}`,
      isGlobal: true,
      require: ["require", 0],
    });
    equal(load("./inner.js"), "inner");
    equal(load("./plain.js"), undefined);
    same(load("./given.js"), { given: 1 });
    equal(load("./text.txt"), "hello");
    same(load("./data.json"), { a: 1 });
    equal(load("./data.json"), load("./data.json"));
    equal(load("./data.bin").byteLength, 2);
    ok(load("./go.wasm") instanceof WebAssembly.Module);
    equal(load("./common.cjs"), common);
    equal(load("node:path").join("a", "b"), "a/b");
    equal(load("cloudflare:workers"), undefined);
  },
};

export const commonJsRefuses = {
  async test() {
    const folder = await below;
    const said = (...args) => {
      const { name, message } = throws(() => load(...args), Error);
      return `${name}: ${message}`;
    };
    equal(said("./a.js"), `Error: No such module "${folder}a.js".`);
    equal(said("a"), `Error: No such module "${folder}a".`);
    equal(said("node:nope"), 'Error: No such module "node:nope".');
    equal(said(5), `Error: No such module "${folder}5".`);
    equal(said("./plain.js?x"), `Error: No such module "${folder}plain.js?x".`);
    equal(said("./awaits.js"), "Error: Top-level await in module is not permitted at this time.");
    equal(
      said(),
      "TypeError: Failed to execute 'require' on 'CommonJsModuleContext': parameter 1 is not of type 'string'.",
    );
  },
};
