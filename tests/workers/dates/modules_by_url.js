// compatibility-date: 2026-11-17
// compatibility-modules: modules
// Specifiers are URLs below file:///bundle/ from `new_module_registry` on.
import { equal, ok, rejects, same, throws } from "../assert.js";
import common from "./modules/common.cjs";
import * as inner from "./modules/inner.js";
import data from "./modules/data.json" with { type: "json" };

const { about, load } = common;
/** The folder of the modules. */
const folder = new URL("modules/", import.meta.url).href;

export const whatIsNotThere = {
  async test() {
    for (const [specifier, shown] of [
      ["./a.js", `${folder}a.js`],
      ["a.js", `${folder}a.js`],
      ["/a.js", "file:///a.js"],
      ["../../../../../a.js", "file:///a.js"],
      ["http://example.com/a b", "http://example.com/a%20b"],
      ["data:text/javascript,export default 1", "data:text/javascript,export default 1"],
      ["node:nope", "node:nope"],
      ["cloudflare:nope", "cloudflare:nope"],
    ]) {
      const error = await rejects(inner.load(specifier), Error);
      same([error.name, error.message, Object.keys(error)], ["Error", `Module not found: ${shown}`, []]);
    }
    const { message } = await rejects(inner.load("./broken.js"), Error);
    equal(message, `Module not found: ${folder}nowhere.js`);
    equal((await rejects(inner.load("http://["), TypeError)).message, "Invalid module specifier: http://[");
  },
};

export const whatIsThere = {
  async test() {
    const path = new URL(folder).pathname;
    for (const specifier of ["plain.js", "./plain.js", `${folder}plain.js`, `${path}plain.js`, "./%70lain.js"]) {
      equal(await inner.load(specifier), await inner.load("./plain.js"), specifier);
    }
    equal((await inner.load("fs")).default, (await inner.load("node:fs")).default);
    equal((await inner.load("./text.txt")).default, "hello");
    equal((await inner.load("./data.bin")).default.byteLength, 2);
    equal((await inner.load("./data.json")).default, data);
    ok((await inner.load("./go.wasm")).default instanceof WebAssembly.Module);
    same(Object.keys(await inner.load("./common.cjs")), ["default"]);
  },
};

export const queriesMakeInstances = {
  async test() {
    const { instance } = await inner.load("./counted.js");
    const queried = await inner.load("./counted.js?a=1");
    ok(queried.instance !== instance);
    equal(await inner.load("./counted.js?a=1"), queried);
    ok((await inner.load("./counted.js#a")).instance !== instance);
    equal((await inner.load("./inner.js?x=1#f")).meta.url, `${folder}inner.js?x=1#f`);
    ok((await inner.load("./common.cjs?q")).default !== common);
    ok(load("./common.cjs?q") !== common);
  },
};

export const metaSaysWhere = {
  test() {
    same(Reflect.ownKeys(inner.meta), ["main", "url", "filename", "dirname", "resolve"]);
    equal(Object.getPrototypeOf(inner.meta), null);
    const { pathname } = new URL(folder);
    equal(inner.meta.main, false);
    equal(inner.meta.url, `${folder}inner.js`);
    equal(inner.meta.filename, `${pathname}inner.js`);
    equal(inner.meta.dirname, pathname.slice(0, -1));
    inner.meta.url = 1;
    equal(inner.meta.url, 1);
  },
};

export const metaResolves = {
  test() {
    const { resolve } = inner.meta;
    same([resolve.name, resolve.length], ["", 0]);
    for (const [specifier, url] of [
      ["./x.js", `${folder}x.js`],
      ["x", `${folder}x`],
      ["/x.js", "file:///x.js"],
      ["./x.js?a=1#b", `${folder}x.js?a=1#b`],
      ["http://x/y", "http://x/y"],
      ["", `${folder}inner.js`],
      [null, `${folder}null`],
      [" ./a b ", `${folder}a%20b`],
      ["fs", "node:fs"],
      ["node:fs", "node:fs"],
      ["cloudflare:workers", "cloudflare:workers"],
    ]) {
      equal(resolve(specifier), url);
    }
    equal(resolve("./a", "./b"), `${folder}a`);
    equal(throws(() => resolve(), TypeError).message, "import.meta.resolve requires a specifier argument");
    equal(throws(() => resolve("http://["), TypeError).message, "Invalid module specifier: http://[");
    throws(() => resolve(Symbol()), TypeError);
  },
};

export const attributes = {
  async test() {
    equal((await import("./modules/data.json", { with: { type: "json" } })).default, data);
    const said = async (specifier, attributes) => {
      const { name, message } = await rejects(import(specifier, { with: attributes }), Error);
      return `${name}: ${message}`;
    };
    equal(await said("./modules/plain.js", { type: "json" }), 'TypeError: Module "./modules/plain.js" is not of type "json"');
    equal(await said("node:fs", { type: "json" }), 'TypeError: Module "node:fs" is not of type "json"');
    for (const type of ["text", "bytes"]) {
      equal(await said("./modules/text.txt", { type }), `TypeError: Import attribute type "${type}" is not yet supported`);
    }
    equal(await said("./modules/plain.js", { type: "css" }), 'TypeError: Unsupported import attribute type: "css"');
    equal(await said("./modules/nope.js", { other: "x" }), 'TypeError: Unsupported import attribute: "other"');
    const missing = `Error: Module not found: ${new URL("nope.js", folder)}`;
    equal(await said("./modules/nope.js", { type: "json" }), missing);
  },
};

export const importRunsAtOnce = {
  async test() {
    globalThis.order = [];
    const imported = import("./modules/order.js");
    globalThis.order.push("called");
    await imported;
    same(globalThis.order, ["evaluated", "called"]);
  },
};

export const commonJs = {
  test() {
    const { pathname } = new URL(folder);
    same(about, {
      keys: ["path", "exports"],
      path: `${folder}common.cjs`,
      filename: `${pathname}common.cjs`,
      dirname: pathname.slice(0, -1),
      isGlobal: true,
      require: ["require", 0],
    });
    equal(load("./inner.js"), inner);
    equal(load("./plain.js").a, 1);
    same(load("./given.js"), { given: 1 });
    equal(load("./text.txt"), "hello");
    equal(load("./data.json"), data);
    ok(load("cloudflare:workers").env !== undefined);
    const said = (specifier) => throws(() => load(specifier), Error).message;
    equal(said("./a.js"), "Module not found: ./a.js");
    equal(said("node:nope"), "Module not found: node:nope");
    const text = "Top-level await is not supported in this context for module";
    equal(said("./awaits.js"), `${text}: ${folder}awaits.js`);
  },
};
