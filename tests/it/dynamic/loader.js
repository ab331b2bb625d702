import { DurableObject, RpcStub, RpcTarget, WorkerEntrypoint } from "cloudflare:workers";

const VERSION = "one";
const DATE = "2025-11-01";
const code = (source, more) => ({ compatibilityDate: DATE, mainModule: "main.js", modules: { "main.js": source }, ...more });
const OK = `
  import { WorkerEntrypoint } from "cloudflare:workers";
  export default { fetch(request, env, ctx) { return new Response("ok " + JSON.stringify(Object.keys(env)) + JSON.stringify(ctx.props)); } };
  export class Adds extends WorkerEntrypoint { add(a, b) { return a + b + JSON.stringify(this.ctx.props); } }
  let n = 0;
  export class Counts extends WorkerEntrypoint { next() { return ++n; } boom() { throw new TypeError("x"); } }
`;
const NET = `export default { async fetch() {
  try { return new Response(await (await fetch("http://example.invalid/zz")).text()); }
  catch (error) { return new Response(error.name + ": " + error.message); }
} };`;
const CONNECTS = `import { connect } from "cloudflare:sockets"; export default { async fetch() {
  try { await connect("example.invalid:80").opened; return new Response("opened"); }
  catch (error) { return new Response(error.name + ": " + error.message); }
} };`;
const LOOP = "export default { fetch() { for (;;); } }";

const ask = async (worker, name, options) => (await worker.getEntrypoint(name, options).fetch("http://x/")).text();
const module = (modules, main = "m.js") => ({ compatibilityDate: DATE, mainModule: main, modules });

/** An entrypoint for others. */
export class Gate extends WorkerEntrypoint {
  hi(n) { return `${n} ${JSON.stringify(this.ctx.props)}`; }
  fetch(request) { return new Response(`gate saw ${request.url} ${JSON.stringify(this.ctx.props)}`); }
}

export class Counter extends DurableObject {
  #n = 0;
  next() { return ++this.#n; }
  async loads() {
    let last;
    for (let i = 0; i < 40; i++) last = this.env.LOADER.load(code(OK));
    // What leaves the object waits for this; the Worker may be there before.
    await this.ctx.storage.put("loads", 40);
    return `${await last.getEntrypoint("Adds").add(40, "")} ${await ask(last)}`;
  }
}

let kept;
let n = 0;
const id = () => `id ${++n}`;

const suites = {
  "/runs": (L) => ({
    "get": () => ask(L.get(id(), () => code(OK))),
    "load": () => ask(L.load(code(OK))),
    "without an id": () => ask(L.get(null, async () => code(OK))),
    "classes": () => [L, L.load(code(OK)), L.load(code(OK)).getEntrypoint()].map((it) => Object.prototype.toString.call(it).slice(8, -1)).join(" "),
    "kinds": () => ask(L.load(module({
      "m.js": "import a from './x.txt'; import j from './j.json'; import d from './d.bin'; import c from './c.cjs'; export default { fetch() { return new Response(a + JSON.stringify(j) + d.byteLength + d.constructor.name + c.v) } }",
      "x.txt": { text: "abc" }, "j.json": { json: { a: 1 } }, "d.bin": { data: new Uint8Array([1, 2]) }, "c.cjs": { cjs: "module.exports = { v: 7 }" },
    }))),
    "folders": () => ask(L.load(module({ "src/main.js": "import a from '../lib/a.js'; export default { fetch() { return new Response(a) } }", "lib/a.js": "export default 'A'" }, "src/main.js"))),
    "entrypoint": () => L.load(code(OK)).getEntrypoint("Adds").add(1, 2),
    "props": () => L.load(code(OK)).getEntrypoint("Adds", { props: { a: 1 } }).add(1, 2),
    "default props": () => ask(L.load(code(OK)), undefined, { props: { b: 2 } }),
    "null entrypoint": () => ask(L.load(code(OK)), null),
    "a stream goes in and out": async () => {
      const worker = L.load(code("export default { fetch(request) { return new Response(request.body.pipeThrough(new TransformStream())) } }"));
      const answer = await worker.getEntrypoint().fetch("http://x/", { method: "POST", body: new Blob(["x".repeat(3_000_000)]).stream() });
      return (await answer.text()).length;
    },
    "a method takes a function": () => L.load(code(`import { WorkerEntrypoint } from "cloudflare:workers"; export default class extends WorkerEntrypoint { async call(f) { return await f(3); } }`)).getEntrypoint().call((x) => x + 4),
    "flags": () => ask(L.load(code("export default { fetch() { return new Response(Cloudflare.compatibilityFlags.nodejs_compat + ' ' + Cloudflare.compatibilityFlags.global_navigator) } }", { compatibilityFlags: ["nodejs_compat", "no_global_navigator"] }))),
  }),

  "/ids": (L, env) => ({
    "the callback is asked at once": () => {
      let calls = 0;
      L.get(id(), () => { calls++; return code(OK); });
      return calls;
    },
    "and once": async () => {
      let calls = 0;
      const own = id();
      const worker = () => L.get(own, async () => { calls++; return code(OK); }).getEntrypoint("Counts");
      return JSON.stringify([await worker().next(), await worker().next(), calls]);
    },
    "also by others at the same time": async () => {
      let calls = 0;
      const own = id();
      const worker = () => L.get(own, async () => { calls++; await scheduler.wait(20); return code(OK); }).getEntrypoint("Counts");
      const all = await Promise.all([1, 2, 3, 4, 5].map(() => worker().next()));
      return JSON.stringify([calls, all.sort().join("")]);
    },
    "another id is another isolate": () => L.get(id(), () => code(OK)).getEntrypoint("Counts").next(),
    "load is one each time": async () => `${await L.load(code(OK)).getEntrypoint("Counts").next()} ${await L.load(code(OK)).getEntrypoint("Counts").next()}`,
    "a failure is not kept": async () => {
      let calls = 0;
      const own = id();
      const told = [];
      for (let i = 0; i < 2; i++) {
        const worker = L.get(own, async () => { if (++calls === 1) throw new Error("first"); return code(OK); });
        told.push(await ask(worker).catch((error) => error.message));
      }
      return JSON.stringify([...told, calls]);
    },
    "other requests wait for the same code": async () => {
      const own = id();
      L.get(own, async () => { await scheduler.wait(50); return code(OK); });
      return (await env.SELF.fetch(`http://x/waits?${own}`)).text();
    },
  }),

  "/env": (L, env, ctx) => ({
    "values": () => ask(L.load(code("export default { async fetch(request, env) { return new Response(JSON.stringify([env.a, env.d, env.m instanceof Map, await env.h.hi(3)])) } }", {
      env: { a: { b: [1] }, d: new Date(0), m: new Map([[1, 2]]), h: ctx.exports.Gate({ props: { p: 1 } }) },
    }))),
    "nothing of the loader's": () => ask(L.load(code("import { env as own } from 'cloudflare:workers'; export default { fetch(request, env) { return new Response(JSON.stringify(Object.keys(own)) + ' ' + env.PASSWORD + ' ' + env.LOADER) } }", { env: { x: 1 } }))),
    "objects": () => {
      const name = id();
      const worker = L.load(code("export default { async fetch(request, env) { return new Response(`${await env.o.next()} ${await env.o.next()}`) } }", { env: { o: env.OBJECTS.getByName(name) } }));
      return ask(worker);
    },
    "function": () => ask(L.load(code(OK, { env: { f() {} } }))),
    "no object": () => ask(L.load(code(OK, { env: 5 }))),
    "large": () => ask(L.load(code(OK, { env: { a: "x".repeat(2 * 1024 * 1024) } }))),
    "a loaded Worker": () => ask(L.load(code(OK, { env: { o: L.load(code(OK)).getEntrypoint() } }))),
    "a WorkerStub": () => ask(L.load(code(OK, { env: { o: L.load(code(OK)) } }))),
    "an RPC stub": () => ask(L.load(code(OK, { env: { o: new RpcStub(new RpcTarget()) } }))),
  }),

  "/outbound": (L, env, ctx) => ({
    "null": () => ask(L.load(code(NET, { globalOutbound: null }))),
    "null connect": () => ask(L.load(code(CONNECTS, { globalOutbound: null }))),
    "fetcher": () => ask(L.load(code(NET, { globalOutbound: ctx.exports.Gate({ props: { q: 1 } }) }))),
    "fetcher connect": () => ask(L.load(code(CONNECTS, { globalOutbound: ctx.exports.Gate({ props: { q: 1 } }) }))),
    "another loaded Worker": () => {
      const inner = L.load(code("export default { fetch(request) { return new Response('inner saw ' + request.url) } }"));
      return ask(L.load(code(NET, { globalOutbound: inner.getEntrypoint() })));
    },
    "inherited": () => ask(L.load(code(NET))),
    "junk": () => ask(L.load(code(NET, { globalOutbound: 5 }))),
  }),

  "/limits": (L, env, ctx) => {
    const many = (more) => code("export default { async fetch(request, env) { let n = 0; try { for (;;) { await env.g.hi(1); n++; } } catch { return new Response(`${n}`) } } }", { env: { g: ctx.exports.Gate }, ...more });
    return {
      "subrequests": () => ask(L.load(many({ limits: { subRequests: 2 } }))),
      "subrequests of a call": () => ask(L.load(many({ limits: { subRequests: 2 } })), undefined, { limits: { subRequests: 1 } }),
      "cpu": () => ask(L.load(code(LOOP, { limits: { cpuMs: 30 } }))),
      "cpu of a call": () => ask(L.load(code(LOOP)), undefined, { limits: { cpuMs: 30 } }),
      "the loader lives": () => ask(L.load(code(OK))),
      "memory": () => ask(L.load(code("export default { fetch() { const all = []; for (;;) all.push(new Array(100000).fill(1.5)); } }"))).catch((error) => error.name),
      "negative": () => ask(L.load(code(OK, { limits: { cpuMs: -5 } }))),
      "no object": () => ask(L.load(code(OK, { limits: 5 }))),
      "code size": () => ask(L.load(module({ "main.js": "export default {}", "b.bin": { data: new ArrayBuffer(65 * 1024 * 1024) }, "fill.txt": { text: "x".repeat(76) } }, "main.js"))),
    };
  },

  "/wrong": (L, env, ctx) => ({
    "get()": () => L.get(),
    "get(id)": () => L.get("a"),
    "load()": () => L.load(),
    "load({})": () => L.load({}),
    "no module": () => L.load({ compatibilityDate: DATE, modules: {} }),
    "no main": () => ask(L.load(module({ "b.js": "export default {}" }, "a"))),
    "no date": () => ask(L.load({ mainModule: "main.js", modules: { "main.js": OK } })),
    "future": () => ask(L.load(code(OK, { compatibilityDate: "2999-01-01" }))),
    "flag": () => ask(L.load(code(OK, { compatibilityFlags: ["nope"] }))),
    "text as module": () => ask(L.load(module({ "m.js": "", "x.txt": "abc" }))),
    "two kinds": () => ask(L.load(module({ "m.js": { js: OK, text: "x" } }))),
    "no kind": () => ask(L.load(module({ "m.js": {} }))),
    "main is text": () => ask(L.load(module({ "m.txt": { text: "x" } }, "m.txt"))),
    "python": () => ask(L.load(module({ "m.py": "x = 1" }, "m.py"))),
    "syntax": () => ask(L.load(code("export default {"))),
    "throws": () => ask(L.load(code("throw new TypeError('boom'); export default {}"))),
    "throws in a method call": () => L.load(code("throw new TypeError('boom'); export default {}")).getEntrypoint().foo(),
    "callback throws": () => ask(L.get(id(), () => { throw new RangeError("cb"); })),
    "callback rejects": () => ask(L.get(id(), async () => { throw new RangeError("cb2"); })),
    "callback gives a number": () => ask(L.get(id(), async () => 5)),
    "no fetch": () => ask(L.load(code("export default {}"))),
    "no entrypoint": () => L.load(code(OK)).getEntrypoint("Nope").add(1, 2),
    "no entrypoint to fetch": () => ask(L.load(code(OK)), "Nope"),
    "method throws": () => L.load(code(OK)).getEntrypoint("Counts").boom().catch((error) => `${error.name}: ${error.message}${error.remote ? " [remote]" : ""}`),
    "tails": () => ask(L.load(code(OK, { tails: [5] }))),
    "no list of tails": () => ask(L.load(code(OK, { tails: "x" }))),
    "streaming tails": () => ask(L.load(code(OK, { streamingTails: [] }))),
    "a stub of another request": async () => {
      kept = L.load(code(OK));
      return (await env.SELF.fetch("http://x/kept")).text();
    },
  }),
};

export default {
  async fetch(request, env, ctx) {
    env = { ...env, SELF: ctx.exports.default };
    const { pathname, search } = new URL(request.url);
    const L = env.LOADER;
    switch (pathname) {
      case "/waits":
        return new Response(await ask(L.get(decodeURIComponent(search.slice(1)), () => { throw new Error("asked twice"); })));
      case "/kept":
        try { return new Response(await ask(kept)); } catch (error) { return new Response(`${error.name}: ${error.message.split(". ")[0]}.`); }
      case "/object":
        return new Response(await env.OBJECTS.getByName("loads").loads());
      case "/version": {
        const worker = L.get("version", () => code(`let n = 0; export default { fetch() { return new Response("${VERSION} " + ++n) } }`));
        return new Response(await ask(worker));
      }
    }
    const told = [];
    const suite = suites[pathname](L, env, ctx);
    for (const name of Object.keys(suite)) {
      let value;
      try { value = `${await suite[name]()}`; } catch (error) { value = `${error.name}: ${error.message}`; }
      told.push([name, value]);
    }
    return Response.json(told);
  },
};
