//! Exports with a cache before them, asked by other exports and Workers.

use super::{got, is};
use crate::harness::{Setup, TestServer};

/// The default export asks `Backend`, which has a cache before it.
const GATEWAY: &str = r#"
import { WorkerEntrypoint } from "cloudflare:workers";
let runs = 0;
export class Backend extends WorkerEntrypoint {
  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/purge") return Response.json(await this.ctx.cache.purge({ purgeEverything: true }));
    const headers = new Headers({ "cache-tag": "t" });
    if (searchParams.get("says") !== "nothing") headers.set("cache-control", "max-age=60");
    return new Response(`backend ${++runs} ${JSON.stringify(this.ctx.props)}`, { headers });
  }
  count() { return ++runs; }
}
export default {
  async fetch(request, env, ctx) {
    const url = new URL(request.url);
    const how = JSON.parse(request.headers.get("x-how") ?? "{}");
    if (url.pathname === "/rpc") return new Response(`${await ctx.exports.Backend.count()}`);
    if (url.pathname === "/purge-own") return Response.json(await ctx.cache.purge({ purgeEverything: true }));
    const backend = how.props ? ctx.exports.Backend({ props: how.props }) : ctx.exports.Backend;
    const init = { method: url.pathname === "/purge" ? "POST" : "GET", cf: how.cf, cache: how.cache };
    const answer = await backend.fetch(`https://${how.host ?? "inner"}${url.pathname}${url.search}`, init);
    return new Response(`${answer.headers.get("cf-cache-status")} ${await answer.text()}`);
  },
};
"#;

fn gateway(cache: &str) -> TestServer {
    gateway_of("2026-11-17", cache)
}

fn gateway_of(date: &str, cache: &str) -> TestServer {
    let config = format!(
        "name = \"gate\"\nmain = \"worker.js\"\ncompatibility_date = \"{date}\"\n{cache}\n\
         [exports.default]\ntype = \"worker\"\ncache = {{ enabled = false }}\n\
         [exports.Backend]\ntype = \"worker\"\ncache = {{ enabled = true }}\n"
    );
    Setup::empty().file("wrangler.toml", config).file("worker.js", GATEWAY).start()
}

fn ask(server: &TestServer, path: &str, how: &str) -> String {
    let answer = server.connect().request("GET", path, &[("x-how", how)], b"");
    assert_eq!(answer.header("cf-cache-status"), None, "the gateway has none before it");
    answer.text()
}

#[test]
fn an_export_with_a_cache_is_asked_through_it() {
    for cache in ["", "[cache]\nenabled = true", "[cache]\nenabled = false"] {
        let server = gateway(cache);
        assert_eq!(ask(&server, "/a", "{}"), "MISS backend 1 {}", "{cache}");
        assert_eq!(ask(&server, "/a", "{}"), "HIT backend 1 {}", "{cache}");
        assert_eq!(ask(&server, "/a", r#"{"host":"other"}"#), "HIT backend 1 {}");
        assert_eq!(ask(&server, "/a?b", "{}"), "MISS backend 2 {}");
        // Methods of its own are never kept.
        assert_eq!(ask(&server, "/rpc", "{}"), "3");
        assert_eq!(ask(&server, "/rpc", "{}"), "4");
    }
}

#[test]
fn props_part_what_is_kept() {
    let server = gateway("");
    let ada = r#"{"props":{"user":"ada"}}"#;
    let bob = r#"{"props":{"user":"bob"}}"#;
    assert_eq!(ask(&server, "/a", ada), r#"MISS backend 1 {"user":"ada"}"#);
    assert_eq!(ask(&server, "/a", bob), r#"MISS backend 2 {"user":"bob"}"#);
    assert_eq!(ask(&server, "/a", ada), r#"HIT backend 1 {"user":"ada"}"#);
    // A name of one's own does not reach across.
    let key = r#"{"props":{"user":"bob"},"cf":{"cacheKey":"/a"}}"#;
    assert_eq!(ask(&server, "/other", key), r#"HIT backend 2 {"user":"bob"}"#);
}

#[test]
fn a_caller_names_what_is_kept_and_says_for_how_long() {
    let server = gateway("");
    let key = r#"{"cf":{"cacheKey":"one"}}"#;
    assert_eq!(ask(&server, "/a?utm=1", key), "MISS backend 1 {}");
    assert_eq!(ask(&server, "/b?utm=2", key), "HIT backend 1 {}");
    assert_eq!(ask(&server, "/a?utm=1", r#"{"cf":{"cacheKey":""}}"#), "MISS backend 2 {}");
    let control = |value: &str| format!(r#"{{"cf":{{"cacheControl":"{value}"}}}}"#);
    assert_eq!(ask(&server, "/c", &control("no-store")), "BYPASS backend 3 {}");
    assert_eq!(ask(&server, "/c", &control("max-age=60")), "MISS backend 4 {}");
    assert_eq!(ask(&server, "/c", "{}"), "HIT backend 4 {}");
}

#[test]
fn the_cache_option_said_what_a_response_says_for_older_dates() {
    let no_store = r#"{"cache":"no-store"}"#;
    let old = gateway_of("2026-11-16", "");
    assert_eq!(ask(&old, "/a", no_store), "BYPASS backend 1 {}");
    assert_eq!(ask(&old, "/a", "{}"), "MISS backend 2 {}");
    let new = gateway_of("2026-11-17", "");
    assert_eq!(ask(&new, "/a", no_store), "MISS backend 1 {}");
    assert_eq!(ask(&new, "/a", "{}"), "HIT backend 1 {}");
}

#[test]
fn a_purge_is_of_the_export_that_asks() {
    let server = gateway("");
    assert_eq!(ask(&server, "/a", "{}"), "MISS backend 1 {}");
    assert!(ask(&server, "/purge-own", "{}").contains("\"success\":true"));
    assert_eq!(ask(&server, "/a", "{}"), "HIT backend 1 {}", "that was the default export's");
    assert!(ask(&server, "/purge", "{}").contains("\"success\":true"));
    assert_eq!(ask(&server, "/a", "{}"), "MISS backend 2 {}");
}

#[test]
fn clients_say_nothing_of_names() {
    let server = super::server();
    let with = |header: &str| {
        got(&server.connect().request("GET", "/a", &[(header, r#"{"cacheKey":"x"}"#)], b""))
    };
    assert_eq!(with("cf"), is("MISS", "answer 1"));
    assert_eq!(with("x-cf"), is("HIT", "answer 1"));
}
