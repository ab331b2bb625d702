//! A Worker that changes the built-ins still has its KV.

use super::worker;
use crate::closed::POISON;

#[test]
fn kv_works_among_poisoned_built_ins() {
    let server = worker(&format!(
        r#"{POISON}
        export default {{
          async fetch(request, {{ KV }}) {{
            const told = {{}};
            await KV.put("a", "one", {{ expirationTtl: 100 }});
            await KV.put("b", new Uint8Array(3));
            await KV.put("c", new Response("streamed").body);
            await KV.put("d", "x");
            told.get = await KV.get("a");
            told.bytes = (await KV.get("b", "arrayBuffer")).byteLength;
            const stream = await KV.get("c", "stream");
            told.stream = await new Response(stream).text();
            told.found = (await KV.getWithMetadata("a")).value;
            const keys = (await KV.list()).keys;
            told.keys = keys.length;
            told.first = keys[0].name;
            const many = await KV.get(["a", "missing"]);
            told.many = many.size;
            await KV.delete("d");
            told.deleted = await KV.get("d");
            const text = "get=" + told.get + " bytes=" + told.bytes + " stream=" + told.stream +
              " found=" + told.found + " keys=" + told.keys + " first=" + told.first +
              " many=" + told.many + " deleted=" + told.deleted;
            return new Response(text);
          }},
        }};"#
    ))
    .start();
    let response = server.get("/");
    assert_eq!(
        (response.status, response.text().as_str()),
        (200, "get=one bytes=3 stream=streamed found=one keys=4 first=a many=2 deleted=null")
    );
}

#[test]
fn json_and_metadata_are_parsed_by_built_ins_of_the_platform() {
    let server = worker(
        r#"
        JSON.parse = () => "evil";
        JSON.stringify = () => "evil";
        Object.defineProperty(Object.prototype, "metadata", {
          get() { return undefined; }, set() { throw new Error("poisoned"); }, configurable: true,
        });
        Object.defineProperty(Object.prototype, "keys", {
          get() { return undefined; }, set() { throw new Error("poisoned"); }, configurable: true,
        });
        export default {
          async fetch(request, { KV }) {
            await KV.put("a", '{"n":1}', { metadata: { m: 2 } });
            const { value, metadata } = await KV.getWithMetadata("a", "json");
            const { keys } = await KV.list();
            return new Response(`${value.n} ${metadata.m} ${keys[0].metadata.m}`);
          },
        };"#,
    )
    .start();
    assert_eq!(server.text("/"), "1 2 2");
}

#[test]
fn a_namespace_cannot_be_forged() {
    let server = worker(
        r#"
        export default {
          async fetch(request, { KV }) {
            const told = [];
            const attempt = async (name, act) => {
              try { told.push(`${name}: ${await act()}`); } catch (error) { told.push(`${name}: ${error.name}`); }
            };
            await attempt("receiver", () => KV.get.call(Object.create(KV), "a"));
            await attempt("proxy", () => new Proxy(KV, {}).get("a"));
            await attempt("construct", () => new KV.constructor(1, 1));
            await attempt("subclass", () => new (class extends KV.constructor {})(Symbol("internal"), 1));
            await attempt("reflect", () => Reflect.construct(KV.constructor, [], Object).get("a"));
            return Response.json(told);
          },
        };"#,
    )
    .start();
    assert_eq!(
        server.get("/").json(),
        serde_json::json!([
            "receiver: TypeError",
            "proxy: TypeError",
            "construct: TypeError",
            "subclass: TypeError",
            "reflect: TypeError",
        ])
    );
}
