//! Remote methods of Durable Objects.

use crate::harness::{Setup, TestServer};

use super::text;

const WORKER: &str = r#"
import { DurableObject, RpcTarget, exports } from "cloudflare:workers";
class Account extends RpcTarget {
  #room;
  constructor(room) { super(); this.#room = room; }
  add(n) { return this.#room.total += n; }
  [Symbol.dispose]() { this.#room.disposed++; }
}
export class Room extends DurableObject {
  total = 0;
  disposed = 0;
  order = [];
  add(n = 1) { return this.total += n; }
  async later(n) { await scheduler.wait(3); return this.total += n; }
  account() { return new Account(this); }
  disposals() { return this.disposed; }
  get double() { return this.total * 2; }
  who() { return this.ctx.id.name; }
  async each(callback) { for (let i = 0; i < 3; i++) await callback(i); return "done"; }
  keep(callback) { this.kept = callback.dup(); }
  use() { return this.kept(4); }
  fail() { throw Object.assign(new RangeError("failed"), { code: 7 }); }
  reset() { this.ctx.abort("over"); }
  text() { return new Response("streamed by an object").body; }
  neighbour(name) { return this.env.ROOMS.getByName(name).add(10); }
  visit(stub) { return stub.add(100); }
  async ordered(n) { this.order.push(n); await scheduler.wait(1); this.order.push(n); }
  seen() { return this.order; }
}
export class Plain { fetch() { return new Response("plain"); } method() { return 1; } }
const message = (promise) => promise.then((it) => it, (error) => `${error.name}: ${error.message}`);
export default { async fetch(request, env, ctx) {
  const url = new URL(request.url);
  const room = env.ROOMS.getByName(url.searchParams.get("name") ?? "a");
  switch (url.pathname) {
    case "/add": return new Response(`${await room.add()}`);
    case "/calls": return Response.json([
      await room.add(), await room.add(5), await room.double, await room.who(), await room.account().add(4),
      await Promise.all([room.add(), room.later(1), room.add()]),
    ]);
    case "/stubs": {
      const account = await room.account();
      const sums = [await account.add(1), await account.dup().add(1)];
      account[Symbol.dispose]();
      return Response.json([...sums, await message(account.add(1))]);
    }
    case "/callbacks": {
      const seen = [];
      const done = await room.each((n) => { seen.push(n); });
      await room.keep((n) => n * 2);
      return Response.json([done, seen, await room.use()]);
    }
    case "/use": return new Response(await message(room.use()));
    case "/errors": {
      const error = await room.fail().catch((it) => it);
      return Response.json([
        error.name, error.code, error.remote, await message(room.nope()), await message(room.alarm()),
        await message(room.total), await message(env.PLAIN.getByName("p").method()),
      ]);
    }
    case "/reset": {
      const account = await room.account();
      const reset = await room.reset().catch((it) => [it.message, it.remote, it.durableObjectReset]);
      const again = env.ROOMS.get(room.id);
      return Response.json([reset, await message(account.add(1)), await message(room.add()), await again.add()]);
    }
    case "/stream": return new Response(await room.text());
    case "/between": return Response.json([
      await room.neighbour("b"), await env.ROOMS.getByName("b").visit(room), await exports.Room.getByName("b").add(),
    ]);
    case "/order": {
      await Promise.all([1, 2, 3].map((n) => room.ordered(n)));
      return Response.json(await room.seen());
    }
    case "/names": return Response.json([room.name, room.id.name, Object.keys(room), room.then === undefined, `${room}`]);
  }
  return new Response("not found", { status: 404 });
} };
"#;

const CONFIG: &str = r#"
name = "objects"
main = "worker.js"
compatibility_date = "2026-11-01"
[[durable_objects.bindings]]
name = "ROOMS"
class_name = "Room"
[[durable_objects.bindings]]
name = "PLAIN"
class_name = "Plain"
[[migrations]]
tag = "v1"
new_sqlite_classes = ["Room", "Plain"]
"#;

fn start() -> TestServer {
    Setup::empty().file("worker.js", WORKER).file("wrangler.toml", CONFIG).start()
}

#[test]
fn methods_run_in_the_object() {
    let server = start();
    assert_eq!(text(&server.get("/calls")), r#"[1,6,12,"a",10,[11,13,12]]"#);
    assert_eq!(text(&server.get("/add")), "14");
    assert_eq!(text(&server.get("/add?name=b")), "1");
    assert_eq!(text(&server.get("/stream")), "streamed by an object");
    assert_eq!(text(&server.get("/order")), "[1,2,3,1,2,3]");
}

#[test]
fn references_to_and_from_objects_work() {
    let server = start();
    assert_eq!(
        text(&server.get("/stubs")),
        r#"[1,2,"Error: RPC stub used after being disposed."]"#
    );
    assert_eq!(text(&server.get("/callbacks")), r#"["done",[0,1,2],8]"#);
    // The function belonged to a request that is over.
    let gone = text(&server.get("/use"));
    assert!(gone.starts_with("Error: "), "{gone}");
    assert_eq!(text(&server.get("/between")), "[10,102,11]");
    assert_eq!(
        text(&server.get("/names")),
        r#"["a","a",["name","id"],true,"[object DurableObject]"]"#
    );
}

#[test]
fn failures_of_objects_reach_their_callers() {
    let server = start();
    assert_eq!(
        text(&server.get("/errors")),
        "[\"RangeError\",7,true,\
         \"TypeError: The RPC receiver does not implement the method \\\"nope\\\".\",\
         \"TypeError: 'alarm' is a reserved method and cannot be called over RPC.\",\
         \"TypeError: The RPC receiver does not implement the method \\\"total\\\".\",\
         \"TypeError: The receiving Durable Object does not support RPC, because its class was not declared with \
         `extends DurableObject`. In order to enable RPC, make sure your class extends the special class \
         `DurableObject`, which can be imported from the module \\\"cloudflare:workers\\\".\"]"
    );
    let reset = text(&server.get("/reset"));
    assert_eq!(
        reset,
        r#"[["over",null,true],"Error: The execution context which hosts this callback is no longer running.","Error: over",1]"#
    );
}
