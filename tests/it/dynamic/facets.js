import { DurableObject } from "cloudflare:workers";

const code = (source, more) => ({ compatibilityDate: "2026-11-01", mainModule: "main.js", modules: { "main.js": source }, ...more });
const LOADED = `
  import { DurableObject } from "cloudflare:workers";
  let isolate = 0;
  export class App extends DurableObject {
    async next() {
      const n = (await this.ctx.storage.get("n") ?? 0) + 1;
      await this.ctx.storage.put("n", n);
      return n;
    }
    isolate() { return ++isolate; }
    told() { return [this.ctx.id.name, JSON.stringify(this.ctx.props), Object.keys(this.env).join()].join(" "); }
    async fetch(request) { return new Response("app " + request.method + " " + await request.text()); }
    below() { return this.ctx.facets.get("below", () => ({ class: this.ctx.exports.App })).next(); }
    leaves(text) { this.ctx.abort(text); }
    hangs() { return new Promise(() => {}); }
  }
  export class Plain { fetch() { return new Response("plain"); } }
  export default {};
`;

/** What facets are made of. */
export class Part extends DurableObject {
  constructor(ctx, env) {
    super(ctx, env);
    if (ctx.props.bad) throw new Error("no such part");
  }
  async next() {
    const n = (await this.ctx.storage.get("n") ?? 0) + 1;
    await this.ctx.storage.put("n", n);
    return n;
  }
  told() { return [String(this.ctx.id).length, this.ctx.id.name, typeof this.ctx.id, JSON.stringify(this.ctx.props)].join(" "); }
  alarm() {}
  setsAlarm() { return this.ctx.storage.setAlarm(Date.now() + 1e6); }
  async alarms() { await this.ctx.storage.deleteAlarm(); return this.ctx.storage.getAlarm(); }
  sql() { return [...this.ctx.storage.sql.exec("SELECT 1 AS a")][0].a; }
  deep(n) { return n === 0 ? "bottom" : this.ctx.facets.get("deep", () => ({ class: this.ctx.exports.Part })).deep(n - 1); }
  boom() { throw new RangeError("boom"); }
  leaves(text) { this.ctx.abort(text); }
  hangs() { return new Promise(() => {}); }
  takes(value) { return value; }
  gives() { return this.ctx.facets.get("given", () => ({ class: this.ctx.exports.Part })); }
  clears() { return this.ctx.storage.deleteAll(); }
  async fetch(request) {
    if (request.headers.get("upgrade") === null) return new Response(`part ${request.method} ${await request.text()}`);
    const pair = new WebSocketPair();
    this.ctx.acceptWebSocket(pair[1]);
    return new Response(null, { status: 101, webSocket: pair[0] });
  }
  webSocketMessage(socket, message) { socket.send(`echo ${message}`); }
}

export class Plain {
  fetch() { return new Response("plain"); }
}

const shown = (error) => `${error.name}: ${error.message}${error.durableObjectReset ? " [reset]" : ""}`;

const suites = {
  "/names": ({ facets, Part }) => ({
    "classes": () => [facets, facets.get("c", () => ({ class: Part })), Part, Part({ props: {} })].map((it) => Object.prototype.toString.call(it).slice(8, -1)).join(" "),
    "methods": () => Object.getOwnPropertyNames(Object.getPrototypeOf(facets)).sort().join(),
    "get()": () => facets.get(),
    "get(name)": () => facets.get("a"),
    "get(name, 5)": () => facets.get("a", 5),
    "abort()": () => facets.abort(),
    "abort(name)": () => facets.abort("a"),
    "delete()": () => facets.delete(),
    "clone(name)": () => facets.clone("a"),
    "256 bytes": () => facets.get("x".repeat(256), () => ({ class: Part })).next(),
    "257 bytes": () => facets.get("x".repeat(257), () => ({ class: Part })),
    "258 bytes of letters": () => facets.get("\u00e9".repeat(129), () => ({ class: Part })),
    "slashes": async () => [await facets.get("a/b", () => ({ class: Part })).next(), await facets.get("a%2Fb", () => ({ class: Part })).next()].join(),
    "abort of none": () => facets.abort("none", "x"),
    "delete of none": () => facets.delete("none"),
  }),

  "/starts": ({ facets, Part, env, ctx }) => {
    let asked = 0;
    const callback = () => { asked++; return { class: Part }; };
    const told = (name, options) => facets.get(name, async () => ({ class: Part, ...options })).told();
    return {
      "asked with the first call, and once": async () => {
        const stub = facets.get("lazy", callback);
        const before = asked;
        return [before, await stub.next(), asked, await facets.get("lazy", callback).next(), asked].join();
      },
      "the id of the object": () => told("i1"),
      "an id that is text": () => told("i2", { id: "mine" }),
      "an id of another object": () => told("i3", { id: env.D.idFromName("other") }),
      "props": () => facets.get("i4", () => ({ class: Part({ props: { a: [1] } }) })).told(),
      "Part()": () => Part(),
      "Part({ props: 5 })": () => Part({ props: 5 }),
      "no class": () => facets.get("w1", () => ({})).next(),
      "text as class": () => facets.get("w2", () => ({ class: "Part" })).next(),
      "a function as class": () => facets.get("w3", () => ({ class: Object })).next(),
      "the callback throws": () => facets.get("w4", () => { throw new TypeError("none"); }).next(),
      "and is not asked again": () => facets.get("w4", callback).next(),
      "until that is over": async () => { facets.abort("w4", "x"); return await facets.get("w4", callback).next(); },
      "the constructor throws": () => facets.get("w5", () => ({ class: Part({ props: { bad: 1 } }) })).next(),
      "and is tried again": () => facets.get("w5", callback).next(),
      "another class of the Worker": async () => await (await facets.get("p", () => ({ class: ctx.exports.D })).fetch("http://x/kind")).text(),
      "fetch": async () => await (await facets.get("f", callback).fetch("http://x/", { method: "POST", body: "abc" })).text(),
      "a socket": async () => {
        const socket = (await facets.get("s", callback).fetch("http://x/", { headers: { upgrade: "websocket" } })).webSocket;
        socket.accept();
        const message = new Promise((resolve) => socket.addEventListener("message", (event) => resolve(event.data)));
        socket.send("m");
        return await message;
      },
    };
  },

  "/life": ({ facets, Part, ctx }) => {
    const callback = () => ({ class: Part });
    const get = (name) => facets.get(name, callback);
    return {
      "what it throws": async () => shown(await get("a").boom().catch((error) => error)),
      "does not end it": () => get("a").next(),
      "it aborts itself": async () => {
        const stub = get("b");
        await stub.next();
        const first = shown(await stub.leaves("enough").catch((error) => error));
        return [first, shown(await stub.next().catch((error) => error)), await get("b").next()].join(", ");
      },
      "it is aborted": async () => {
        const stub = get("c");
        await stub.next();
        const hangs = stub.hangs().catch((error) => error);
        facets.abort("c", new Error("my reason"));
        return [shown(await hangs), shown(await stub.next().catch((error) => error)), await get("c").next()].join(", ");
      },
      "a reason that is text": async () => {
        const stub = get("c");
        await stub.next();
        facets.abort("c", "text");
        return shown(await stub.next().catch((error) => error));
      },
      "it is deleted": async () => {
        const stub = get("d");
        await stub.next();
        await stub.next();
        facets.delete("d");
        return [shown(await stub.next().catch((error) => error)), await get("d").next()].join(", ");
      },
      "with those below": async () => {
        await get("e").deep(2);
        facets.delete("e");
        return await get("e").deep(1);
      },
      "it is copied": async () => {
        await get("f").next();
        await get("f").next();
        facets.clone("f", "g");
        return [await get("g").next(), await get("f").next()].join();
      },
      "over another one": async () => {
        const stub = get("g");
        await stub.next();
        facets.clone("f", "g");
        return [shown(await stub.next().catch((error) => error)), await get("g").next()].join(", ");
      },
      "over itself": async () => { facets.clone("f", "f"); return await get("f").next(); },
      "a copy of none": async () => { facets.clone("none", "g"); return await get("g").next(); },
      "a stub as argument": () => get("h").takes(get("f")),
      "a stub as result": () => get("h").gives(),
      "a class as argument": () => get("h").takes(Part),
      "alarms": () => get("h").setsAlarm(),
      "no alarm": async () => `${await get("h").alarms()}`,
      "SQL": () => get("h").sql(),
      "four deep": () => get("h").deep(2),
      "five deep": () => get("h").deep(3),
      "deleteAll() of the object": async () => { await ctx.storage.deleteAll(); return [await get("a").next(), await get("f").next()].join(); },
      "deleteAll() of a facet": async () => { await get("f").next(); await get("f").clears(); return [await get("f").next(), await get("a").next()].join(); },
    };
  },

  "/loaded": ({ facets, env }) => {
    const worker = env.LOADER.get("app", () => code(LOADED, { env: { A: 1 } }));
    const App = (options) => ({ class: worker.getDurableObjectClass("App", options) });
    const get = (name, options) => facets.get(name, () => App(options));
    return {
      "told": () => get("a", { props: { p: 1 } }).told(),
      "keeps": async () => [await get("a").next(), await get("a").next(), await get("b").next()].join(),
      "one isolate": async () => [await get("a").isolate(), await get("b").isolate()].join(),
      "fetch": async () => await (await get("a").fetch("http://x/", { method: "POST", body: "abc" })).text(),
      "a facet of its own": async () => [await get("a").below(), await get("b").below(), await get("a").below()].join(),
      "the default class": () => facets.get("c", () => ({ class: worker.getDurableObjectClass() })).next(),
      "no such class": () => facets.get("d", () => ({ class: worker.getDurableObjectClass("Nope") })).next(),
      "no object": async () => await (await facets.get("e", () => ({ class: worker.getDurableObjectClass("Plain") })).fetch("http://x/")).text(),
      "code that does not start": () => facets.get("f", () => ({ class: env.LOADER.load(code("export default {")).getDurableObjectClass("App") })).next(),
      "props 5": () => worker.getDurableObjectClass("App", { props: 5 }),
      "options 5": () => worker.getDurableObjectClass("App", 5),
      "it aborts itself": async () => {
        const stub = get("g");
        await stub.next();
        const first = shown(await stub.leaves("enough").catch((error) => error));
        return [first, shown(await stub.next().catch((error) => error)), await get("g").next()].join(", ");
      },
      "it is aborted": async () => {
        const stub = get("h");
        await stub.next();
        const hangs = stub.hangs().catch((error) => error);
        facets.abort("h", new Error("my reason"));
        return [shown(await hangs), shown(await stub.next().catch((error) => error)), await get("h").next()].join(", ");
      },
      "it is deleted": async () => { facets.delete("h"); return await get("h").next(); },
      "it is copied": async () => { await get("h").next(); facets.clone("h", "i"); return [await get("i").next(), await get("h").next()].join(); },
      "another class, the same data": async () => {
        facets.abort("i", "x");
        const other = env.LOADER.load(code(LOADED));
        return await facets.get("i", () => ({ class: other.getDurableObjectClass("App") })).next();
      },
    };
  },
};

export class D extends DurableObject {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === "/kind") return new Response("D");
    if (pathname.endsWith(".abort")) this.ctx.abort("over");
    const { facets, exports } = this.ctx;
    if (pathname.startsWith("/count")) {
      await this.ctx.storage.put("counts", true);
      const own = await facets.get("own", () => ({ class: exports.Part })).next();
      const worker = this.env.LOADER.get("counts", () => code(LOADED));
      const loaded = await facets.get("loaded", () => ({ class: worker.getDurableObjectClass("App") })).next();
      this.n = (this.n ?? 0) + 1;
      return new Response(`${own} ${loaded} ${this.n}`);
    }
    const told = [];
    const tests = suites[pathname]({ facets, Part: exports.Part, env: this.env, ctx: this.ctx });
    for (const [name, test] of Object.entries(tests)) {
      let value;
      try {
        value = `${await test()}`;
      } catch (error) {
        value = shown(error);
      }
      told.push([name, value]);
    }
    return Response.json(told);
  }
}

export default {
  fetch(request, env) {
    return env.D.getByName(new URL(request.url).pathname.split(".")[0]).fetch(request);
  },
};
