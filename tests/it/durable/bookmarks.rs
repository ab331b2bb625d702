//! Point-in-time recovery, as a Worker sees it.

use super::CONFIG;
use crate::dev::Dev;

const WORKER: &str = r#"
import { DurableObject } from "cloudflare:workers";
export default {
  async fetch(request, env) {
    try {
      return await env.ROOMS.getByName("a").fetch(request);
    } catch (error) {
      return new Response(`${error.name}: ${error.message}`);
    }
  },
};
export class Room extends DurableObject {
  async fetch(request) {
    const url = new URL(request.url);
    const { storage } = this.ctx;
    const value = url.searchParams.get("v");
    switch (url.pathname) {
      case "/set":
        await storage.put("value", value);
        return new Response(await storage.getCurrentBookmark());
      case "/table":
        storage.sql.exec("DROP TABLE IF EXISTS t");
        storage.sql.exec(`CREATE TABLE t (${value}); INSERT INTO t VALUES (7)`);
        return new Response(await storage.getCurrentBookmark());
      case "/get":
        return new Response(String(await storage.get("value")));
      case "/columns":
        return new Response(storage.sql.exec("SELECT * FROM t").columnNames.join());
      case "/time":
        return new Response(await storage.getBookmarkForTime(value === null ? new Date() : Number(value)));
      case "/ask": {
        const undo = await storage.onNextSessionRestoreBookmark(value);
        return new Response(undo);
      }
      case "/forget":
        await storage.deleteAll();
        return new Response("forgotten");
      case "/abort":
        this.ctx.abort("to be restored");
    }
  }
}
"#;

fn restore(dev: &Dev, bookmark: &str) -> String {
    let undo = dev.get(&format!("/ask?v={bookmark}")).text();
    assert_eq!(dev.get("/abort").text(), "Error: to be restored");
    undo
}

#[test]
fn an_object_goes_back_to_a_bookmark_and_forth_again() {
    let dev = Dev::start(&[("worker.js", WORKER), ("wrangler.toml", CONFIG)], &[]);
    let text = |path: &str| dev.get(path).text();
    let one = text("/set?v=1");
    assert_eq!(one.split('-').map(str::len).collect::<Vec<_>>(), [8, 8, 8, 32], "{one}");
    let two = text("/set?v=2");
    assert!(one < two, "{one} {two}");
    assert_eq!(text("/time"), two);
    let a = text("/table?v=a");
    let b = text("/table?v=b");
    let undo = restore(&dev, &one);
    assert_eq!(text("/get"), "1");
    assert!(text("/columns").contains("no such table: t"));
    restore(&dev, &undo);
    assert_eq!((text("/get"), text("/columns")), ("2".to_owned(), "b".to_owned()));
    restore(&dev, &a);
    assert_eq!(text("/columns"), "a");
    assert_eq!(text("/forget"), "forgotten");
    restore(&dev, &b);
    assert_eq!((text("/get"), text("/columns")), ("2".to_owned(), "b".to_owned()));
}

#[test]
fn what_cannot_be_restored_is_refused() {
    let dev = Dev::start(&[("worker.js", WORKER), ("wrangler.toml", CONFIG)], &[]);
    let text = |path: &str| dev.get(path).text();
    text("/set?v=1");
    assert_eq!(text("/ask?v=nonsense"), "Error: Not a bookmark of this Durable Object.");
    assert_eq!(
        text("/time?v=1000"),
        "Error: Cannot get a bookmark for a time more than 30 days ago."
    );
    assert_eq!(
        text("/time?v=9000000000000"),
        "Error: Cannot get a bookmark for a time in the future."
    );
    assert_eq!(
        text("/time?v=x"),
        "TypeError: The value cannot be converted because it is not a valid Date."
    );
    assert_eq!(text("/get"), "1");
}
