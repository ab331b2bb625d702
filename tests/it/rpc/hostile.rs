//! Workers that mean no good: what they replace, throw and nest.

use super::{serve, text};

const HOSTILE: &str = r#"
import { exports, RpcTarget, WorkerEntrypoint } from "cloudflare:workers";
class Target extends RpcTarget { add(a, b) { return a + b; } }
export class Service extends WorkerEntrypoint {
  echo(value) { return value; }
  target() { return new Target(); }
  props() { return Object.keys(this.ctx.props).length; }
  throwProxy() { throw new Proxy(new Error("x"), { get() { throw new RangeError("trap"); } }); }
  throwGetter() { throw Object.defineProperty(new Error("seen"), "more", { enumerable: true, get() { throw 1; } }); }
  throwCycle() { const error = new Error("round"); error.self = error; throw error; }
  thenable() { return { get then() { throw new RangeError("then"); } }; }
  never() { return { then() {} }; }
  badLength() { return 1; }
}
export const handlers = { far: Object.defineProperty((a) => a, "length", { value: 1e9 }) };
const failing = (name) => new Proxy({}, { [name]() { throw new RangeError(name); } });
const message = (promise) => promise.then((it) => `gave ${typeof it}`, (error) => `${error?.name}: ${error?.message}`);
export default { async fetch(request) {
  const s = exports.Service;
  switch (new URL(request.url).pathname) {
    case "/throws": return Response.json([
      await message(s.throwGetter()), await message(s.throwCycle()), await message(s.thenable()),
      await message(s.echo(failing("getPrototypeOf"))), await message(exports.handlers.far(1)),
    ]);
    case "/proxy": return new Response(await message(s.throwProxy()));
    case "/deep": {
      let value = {};
      for (let i = 0; i < 200000; i++) value = { value };
      return new Response(await message(s.echo(value)));
    }
    case "/long": {
      let target = s.target();
      for (let i = 0; i < 2000; i++) target.add(i, 1).catch(() => {});
      return new Response(`${await target.add(1, 2)}`);
    }
    case "/huge": return new Response(await message(s.echo(new Uint8Array(40 << 20))));
    case "/wide": return new Response(`${(await s.echo(Array.from({ length: 5000 }, () => () => 1))).length}`);
  }
  return new Response("hostile");
} };
"#;

#[test]
fn traps_and_getters_that_throw_only_fail_their_call() {
    let server = serve(HOSTILE);
    assert_eq!(
        text(&server.get("/throws")),
        r#"["Error: seen","Error: round","RangeError: then","RangeError: getPrototypeOf","TypeError: RPC function has unreasonable length attribute: 1000000000"]"#
    );
    let thrown = text(&server.get("/proxy"));
    assert!(thrown.starts_with("Error: "), "{thrown}");
    assert_eq!(text(&server.get("/")), "hostile");
}

#[test]
fn values_too_deep_or_too_large_are_refused() {
    let server = serve(HOSTILE);
    assert_eq!(text(&server.get("/deep")), "RangeError: Maximum call stack size exceeded");
    assert!(text(&server.get("/huge")).contains("limited to 32MiB"));
    assert_eq!(text(&server.get("/wide")), "5000");
    assert_eq!(text(&server.get("/long")), "3");
}

#[test]
fn a_worker_cannot_poison_the_calls() {
    let server = serve(
        r#"
import { exports, RpcTarget, WorkerEntrypoint } from "cloudflare:workers";
let leaked = "", stack = "";
const aMap = new Map([["a", new Set([1, () => 2])]]), someBytes = new Uint8Array([7]);
class Target extends RpcTarget { add(a, b) { return a + b; } }
export class Service extends WorkerEntrypoint {
  echo(value) { return value; }
  target() { return new Target(); }
  map() { return aMap; }
  stream() { return new Response("streamed").body; }
  fail() { throw new TypeError("failed"); }
}
function poison() {
  const define = Object.defineProperty;
  const tell = (name) => function () { leaked += ` ${name}`; stack = new Error(name).stack; throw new Error(`poisoned ${name}`); };
  const replaced = [
    [Array.prototype, ["push", "shift", "unshift", "slice", "map", "join", "toSpliced", Symbol.iterator]],
    [Map.prototype, ["get", "set", "forEach", "entries", Symbol.iterator]],
    [Set.prototype, ["add", "has", "delete", "forEach", Symbol.iterator]],
    [WeakMap.prototype, ["get", "set"]],
    [Function.prototype, ["call", "apply", "bind"]],
    [Object, ["keys", "defineProperty", "getPrototypeOf", "assign"]],
    [Reflect, ["apply", "get", "ownKeys"]],
    [Promise, ["resolve", "reject"]],
    [String.prototype, ["slice", "indexOf"]],
  ];
  for (let i = 0; i < replaced.length; i++) {
    const object = replaced[i][0], names = replaced[i][1];
    for (let k = 0; k < names.length; k++) object[names[k]] = tell(String(names[k]));
  }
  const keys = ["get", "has", "getPrototypeOf", "ownKeys", "apply", "kind", "cap", "externals", "rpc", "type", "index"];
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i];
    define(Object.prototype, key, {
      configurable: true,
      get() { return undefined; },
      set() { leaked += ` setter of ${key}`; stack = new Error(key).stack; },
    });
  }
}
export default { async fetch() {
  let out = "";
  const note = (value) => { out += `${value},`; };
  poison();
  const s = exports.Service;
  note(await s.echo(1));
  const echoed = await s.echo({ list: [1, { deep: "x" }], error: new RangeError("e"), bytes: someBytes });
  note(echoed.list[1].deep); note(echoed.error.message); note(echoed.bytes[0]);
  note(await s.target().add(1, 2));
  const target = await s.target();
  note(await target.add(3, 4));
  note((await s.map()).size);
  note(await new Response(await s.stream()).text());
  try { await s.fail(); } catch (error) { note(error.message); }
  return new Response(out + leaked + stack);
} };
"#,
    );
    assert_eq!(text(&server.get("/")), "1,x,e,7,3,7,1,streamed,failed,");
}
