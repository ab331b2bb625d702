import assert from "node:assert";
import { Console } from "node:console";
import diagnostics from "node:diagnostics_channel";
import EventEmitter, { on, once } from "node:events";
import { builtinModules, isBuiltin } from "node:module";
import path from "node:path";
import punycode from "node:punycode";
import querystring from "node:querystring";
import { Writable } from "node:stream";
import url from "node:url";
import util from "node:util";
import { equal, ok, same, throws } from "../assert.js";

export const paths = {
  test() {
    equal(path.join("/a", "..", "b", "./c.js"), "/b/c.js");
    equal(path.resolve("/x", "y", "../z"), "/x/z");
    equal(path.relative("/a/b/c", "/a/d"), "../../d");
    equal(path.basename("/a/b.txt", ".txt"), "b");
    same(path.parse("/a/b.txt"), { root: "/", dir: "/a", base: "b.txt", ext: ".txt", name: "b" });
    equal(path.win32.join("a", "b"), "a\\b");
    equal(path.posix, path);
  },
};

export const inspecting = {
  test() {
    equal(util.inspect({ a: 1, b: [1, "x", null], c: new Map([[1, new Set([2])]]) }), "{ a: 1, b: [ 1, 'x', null ], c: Map(1) { 1 => Set(1) { 2 } } }");
    equal(util.inspect(new (class Foo { x = 1; })()), "Foo { x: 1 }");
    equal(util.inspect(Promise.resolve(4)), "Promise { 4 }");
    equal(util.inspect(Buffer.from("a")), "<Buffer 61>");
    equal(util.inspect({ a: { b: { c: { d: 1 } } } }), "{ a: { b: { c: [Object] } } }");
    equal(util.inspect(new Proxy({ a: 1 }, {}), { showProxy: true }), "Proxy [ { a: 1 }, {} ]");
    equal(util.format("%s %d %i %j %o %%", "a", 1.5, 2.7, { x: 1 }, [1]), "a 1.5 2 {\"x\":1} [ 1, [length]: 1 ] %");
    equal(util.inspect({ [util.inspect.custom]: () => "mine" }), "mine");
  },
};

export const utilities = {
  async test() {
    const later = util.promisify((value, callback) => setTimeout(() => callback(null, value), 1));
    equal(await later(5), 5);
    const called = await new Promise((resolve) => util.callbackify(async (x) => x + 1)(1, (_, value) => resolve(value)));
    equal(called, 2);
    ok(util.isDeepStrictEqual({ a: [1, new Date(0)] }, { a: [1, new Date(0)] }));
    ok(util.types.isPromise(Promise.resolve()) && util.types.isRegExp(/x/) && !util.types.isMap({}));
    class Base {}
    function Derived() {}
    util.inherits(Derived, Base);
    ok(new Derived() instanceof Base);
    equal(util.stripVTControlCharacters("\u001b[31mred\u001b[39m"), "red");
    same({ ...util.parseArgs({ args: ["-f", "--bar", "b"], options: { foo: { type: "boolean", short: "f" }, bar: { type: "string" } } }).values }, { foo: true, bar: "b" });
    equal(new util.TextEncoder().encode("x").length, 1);
    equal(util.getSystemErrorName(-2), "ENOENT");
    equal(new util.MIMEType("text/html; charset=utf-8").essence, "text/html");
  },
};

export const emitters = {
  async test() {
    const emitter = new EventEmitter();
    const seen = [];
    emitter.on("x", (...args) => seen.push(args.join()));
    emitter.prependOnceListener("x", () => seen.push("first"));
    ok(emitter.emit("x", 1, 2) && emitter.emit("x", 3));
    equal(seen.join(";"), "first;1,2;3");
    setTimeout(() => emitter.emit("y", 7), 1);
    equal((await once(emitter, "y"))[0], 7);
    throws(() => emitter.emit("error", new RangeError("bad")), RangeError);
    equal(emitter.listenerCount("x"), 1);
    const got = [];
    setTimeout(() => {
      emitter.emit("z", 1);
      emitter.emit("z", 2);
    }, 1);
    for await (const [value] of on(emitter, "z")) {
      got.push(value);
      if (got.length === 2) break;
    }
    equal(got.join(), "1,2");
    const controller = new AbortController();
    const waiting = once(emitter, "never", { signal: controller.signal });
    controller.abort();
    equal(await waiting.catch((error) => error.name), "AbortError");
  },
};

export const assertions = {
  async test() {
    assert(true);
    assert.deepStrictEqual({ a: [1, new Map([[1, 2]])] }, { a: [1, new Map([[1, 2]])] });
    const message = (run) => {
      try {
        run();
      } catch (error) {
        ok(error instanceof assert.AssertionError);
        equal(error.code, "ERR_ASSERTION");
        return error.message;
      }
      throw new Error("it did not throw");
    };
    equal(message(() => assert.strictEqual(1, 2)), "Expected values to be strictly equal:\n\n1 !== 2\n");
    ok(message(() => assert.deepStrictEqual({ a: 1 }, { a: 2 })).includes("+   a: 1\n-   a: 2"));
    equal(message(() => assert.equal(1, 2, "own text")), "own text");
    assert.throws(() => { throw new TypeError("x"); }, TypeError);
    await assert.rejects(Promise.reject(new Error("no")), /no/);
    equal(message(() => assert.fail("failed")), "failed");
    assert.match("abc", /b/);
  },
};

export const urls = {
  test() {
    ok(url.URL === URL);
    const parsed = url.parse("http://user:pass@host.com:8080/p/a/t/h?query=string#hash");
    equal(parsed.host, "host.com:8080");
    equal(parsed.auth, "user:pass");
    equal(url.format({ protocol: "https", host: "x.y", pathname: "/p", query: { a: 1 } }), "https://x.y/p?a=1");
    equal(url.resolve("/one/two/three", "four"), "/one/two/four");
    equal(url.fileURLToPath("file:///a%20b/c"), "/a b/c");
    equal(url.pathToFileURL("/a b#c").href, "file:///a%20b%23c");
    equal(url.domainToASCII("espa\u00f1ol.com"), "xn--espaol-zwa.com");
    equal(url.domainToUnicode("xn--espaol-zwa.com"), "espa\u00f1ol.com");
    equal(url.urlToHttpOptions(new URL("https://a:b@x.com/p?q#h")).auth, "a:b");
    same({ ...querystring.parse("a=1&b=2&a=3&c=%20x") }, { a: ["1", "3"], b: "2", c: " x" });
    equal(querystring.stringify({ a: [1, 2], b: "x y" }), "a=1&a=2&b=x%20y");
    equal(punycode.encode("ma\u00f1ana"), "maana-pta");
  },
};

export const channels = {
  test() {
    const channel = diagnostics.channel("test:channel");
    const seen = [];
    const listener = (message, name) => seen.push([message, name]);
    diagnostics.subscribe("test:channel", listener);
    ok(channel.hasSubscribers);
    channel.publish({ x: 1 });
    ok(diagnostics.unsubscribe("test:channel", listener));
    equal(seen.length, 1);
    equal(seen[0][1], "test:channel");
    const tracing = diagnostics.tracingChannel("work");
    const events = [];
    tracing.subscribe({ start: () => events.push("start"), end: () => events.push("end") });
    equal(tracing.traceSync(() => 3), 3);
    equal(events.join(), "start,end");
  },
};

export const a_console_writes_to_streams = {
  test() {
    const lines = [];
    const stdout = new Writable({
      write(chunk, _encoding, done) {
        lines.push(String(chunk));
        done();
      },
    });
    const made = new Console({ stdout, groupIndentation: 1 });
    made.group("g");
    made.log("%s is %d", "a", 1);
    made.groupEnd();
    made.table([{ a: 1 }]);
    made.count();
    made.error("e");
    same(lines, ["g\n", " a is 1\n", lines[2], "default: 1\n", "e\n"]);
    equal(lines[2].split("\n")[3], "│ 0       │ 1 │");
    throws(() => new Console({}), TypeError);
  },
};

export const modules_have_names = {
  test() {
    ok(builtinModules.includes("fs") && !builtinModules.includes("sqlite"));
    same(["fs", "node:fs", "sqlite", "node:sqlite", "other"].map((name) => isBuiltin(name)), [true, true, false, true, false]);
  },
};
