//! Objects of a Worker with several isolates: each lives in one of them.

use std::collections::{BTreeMap, HashSet};
use std::net::SocketAddr;
use std::time::Duration;

use selvedge_runtime::Worker;

use crate::harness::{Client, Setup, TestServer, alone, eventually};

const WORKER: &str = r#"
import { DurableObject } from "cloudflare:workers";
let me;
export default {
  async fetch(request, env) {
    me ??= crypto.randomUUID();
    const url = new URL(request.url);
    if (url.pathname === "/burn") {
      const end = performance.now() + 50;
      while (performance.now() < end);
      return new Response(me);
    }
    if (url.pathname === "/me") return new Response(me);
    const stub = env.OBJECTS.getByName(url.searchParams.get("name") ?? "a");
    if (url.pathname === "/flood") {
      const told = { served: 0, refused: 0, other: 0 };
      // The first one locks the object.
      const calls = Array.from({ length: 10100 }, (_, at) => stub.fetch(at === 0 ? "http://x/lock" : "http://x/").then(
        () => told.served++,
        (error) => error.overloaded && error.message === "Durable Object is overloaded. Too many requests queued."
          ? told.refused++ : told.other++,
      ));
      await Promise.all(calls);
      return Response.json(told);
    }
    try {
      const answer = await stub.fetch(request);
      return new Response(`${me} ${await answer.text()}`);
    } catch (error) {
      return new Response(`${me} ${error.message} overloaded=${error.overloaded} reset=${error.durableObjectReset}`, { status: 599 });
    }
  },
};
export class Subject extends DurableObject {
  count = 0;
  home() { return me ??= crypto.randomUUID(); }
  async fetch(request) {
    me ??= crypto.randomUUID();
    const { pathname } = new URL(request.url);
    if (pathname === "/slow") await scheduler.wait(300);
    if (pathname === "/lock") await this.ctx.blockConcurrencyWhile(() => scheduler.wait(300));
    if (pathname === "/kept") {
      const calls = (await this.ctx.storage.get("calls") ?? 0) + 1;
      await this.ctx.storage.put("calls", calls);
      return new Response(`${me} ${calls}`);
    }
    if (pathname === "/relay") {
      // Each asks the next one, by a request and by a method, and tells where all live.
      const [next, ...rest] = new URL(request.url).searchParams.get("to").split(",");
      const stub = this.env.OBJECTS.getByName(next);
      const told = await stub.home();
      if (rest.length === 0) return new Response(`${me},${told} 1`);
      const answer = await stub.fetch(`http://object/relay?to=${rest.join(",")}`);
      return new Response(`${me},${await answer.text()}`);
    }
    if (pathname === "/spin") for (;;);
    if (pathname === "/fill") for (const kept = [];;) kept.push(new Array(1000).fill(kept.length));
    return new Response(`${me} ${++this.count}`);
  }
}
"#;

const CONFIG: &str = r#"
name = "many"
main = "worker.js"
compatibility_date = "2026-11-01"
[[durable_objects.bindings]]
name = "OBJECTS"
class_name = "Subject"
[[migrations]]
tag = "1"
new_sqlite_classes = ["Subject"]
"#;

fn start(isolates: usize) -> TestServer {
    let setup = Setup::empty().file("worker.js", WORKER).file("wrangler.toml", CONFIG);
    let server = setup.isolates(isolates).limits(|limits| limits.cpu = Duration::from_millis(500));
    let server = server.start();
    if isolates > 1 {
        until_there_are(&server, isolates);
    }
    server
}

/// Keeps all isolates busy until there are so many.
fn until_there_are(server: &TestServer, isolates: usize) {
    let stop = std::sync::atomic::AtomicBool::new(false);
    let address = server.address;
    std::thread::scope(|scope| {
        for _ in 0..2 * isolates {
            scope.spawn(|| {
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    Client::connect(address).get("/burn");
                }
            });
        }
        eventually("further isolates", || {
            let seen: HashSet<String> = (0..20).map(|_| server.text("/burn")).collect();
            (seen.len() >= isolates).then_some(())
        });
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}

/// Who was asked, who answered, and what the object counted.
fn call(server: &TestServer, path: &str) -> (String, String, usize) {
    call_at(server.address, path)
}

fn call_at(address: SocketAddr, path: &str) -> (String, String, usize) {
    let response = Client::connect(address).get(path);
    let text = response.text();
    assert_eq!(response.status, 200, "{path}: {text}");
    let parts: Vec<&str> = text.split(' ').collect();
    (parts[0].to_owned(), parts[1].to_owned(), parts[2].parse().expect("a number"))
}

#[test]
fn an_object_lives_in_one_isolate_whoever_is_asked() {
    let _machine = alone();
    let server = start(2);
    let calls: Vec<_> = (0..40).map(|_| call(&server, "/?name=shared")).collect();
    let asked: HashSet<_> = calls.iter().map(|(asked, ..)| asked).collect();
    let answered: HashSet<_> = calls.iter().map(|(_, answered, _)| answered).collect();
    assert_eq!((asked.len(), answered.len()), (2, 1), "{calls:?}");
    let counts: Vec<_> = calls.iter().map(|(.., count)| *count).collect();
    assert_eq!(counts, (1..=40).collect::<Vec<_>>());
    // New ones begin where they are asked for: both have some.
    let homes: HashSet<_> = (0..20).map(|at| call(&server, &format!("/?name=n{at}")).1).collect();
    assert_eq!(homes.len(), 2);
    server.join();
}

#[test]
fn of_isolates_that_begin_an_object_at_once_one_wins() {
    let _machine = alone();
    let server = start(2);
    for round in 0..20 {
        let path = format!("/?name=race{round}");
        let address = server.address;
        let calls: Vec<_> = std::thread::scope(|scope| {
            let ask = || call_at(address, &path);
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
            threads.into_iter().map(|thread| thread.join().expect("it is answered")).collect()
        });
        let homes: HashSet<_> = calls.iter().map(|(_, home, _)| home).collect();
        assert_eq!(homes.len(), 1, "{calls:?}");
        let mut counts: Vec<_> = calls.iter().map(|(.., count)| *count).collect();
        counts.sort_unstable();
        assert_eq!(counts, (1..=8).collect::<Vec<_>>());
    }
    server.join();
}

#[test]
fn callers_elsewhere_are_told_that_an_isolate_was_stopped() {
    let _machine = alone();
    let server = start(2);
    for (path, text) in [
        ("/spin", "Durable Object exceeded its CPU time limit and was reset."),
        ("/fill", "Durable Object's isolate exceeded its memory limit and was reset."),
    ] {
        call(&server, "/?name=shared");
        let mut elsewhere = 0;
        for _ in 0..20 {
            let (.., home, _) = call(&server, "/?name=shared");
            let response = server.get(&format!("{path}?name=shared"));
            let told = response.text();
            assert_eq!(response.status, 599, "{told}");
            assert!(told.contains(text) && told.contains("reset=true"), "{told}");
            assert_eq!(told.contains("overloaded=true"), path == "/fill", "{told}");
            elsewhere += usize::from(!told.starts_with(&home));
            if elsewhere > 1 {
                break;
            }
        }
        assert!(elsewhere > 0, "each call came to the object's own isolate");
        // It begins anew.
        let (.., count) = call(&server, "/?name=shared");
        assert_eq!(count, 1);
    }
    server.join();
}

/// Calls objects that run out of memory beside it, in its own isolate.
const HUNGRY: &str = r#"
import { DurableObject } from "cloudflare:workers";
const told = (error) => `${error.message} reset=${error.durableObjectReset} overloaded=${error.overloaded} remote=${error.remote}`;
export default {
  async fetch(request, env) {
    const get = (name) => env.OBJECTS.getByName(name);
    switch (new URL(request.url).pathname) {
      case "/rpc": return new Response(await get("a").fill().catch(told));
      case "/fetch": return new Response(await get("a").fetch("http://x/").catch(told));
      case "/later": return new Response(await get("a").fillLater().catch(told));
      case "/buffers": return new Response(await get("a").buffers().catch(told));
      case "/uncaught": return new Response(await get("a").fill());
      case "/again": {
        try {
          await get("a").fill();
        } catch (error) {
          // As one is told to: after a while, with a new stub.
          await scheduler.wait(30);
          return new Response(`${error.message} ${await get("a").next()} ${await get("a").next()}`);
        }
      }
      case "/others": {
        const calls = await Promise.allSettled([get("b").slow(), get("a").fillLater(), get("c").locked()]);
        return new Response(calls.map((call) => call.value ?? told(call.reason)).join("|"));
      }
      case "/unseen": {
        // The second one waits for the first, which fills the memory.
        const calls = await Promise.allSettled([get("d").fillLocked(), get("d").next(), get("d").next()]);
        return new Response(calls.map((call) => call.value ?? told(call.reason)).join("|"));
      }
      case "/wait": await scheduler.wait(2500); return new Response("waited");
    }
    return new Response(`${await get("a").next()}`);
  },
};
const fill = () => { for (const kept = [];;) kept.push(new Array(1000).fill(kept.length)); };
export class Subject extends DurableObject {
  count = 0;
  fetch() { fill(); }
  fill() { fill(); }
  async fillLater() { await scheduler.wait(20); fill(); }
  async fillLocked() { await this.ctx.blockConcurrencyWhile(() => scheduler.wait(20)); fill(); }
  async buffers() { for (const kept = [];;) { kept.push(new Uint8Array(1 << 20).fill(1)); await null; } }
  async slow() { await scheduler.wait(10000); return "slow"; }
  async locked() { await scheduler.wait(10000); return "locked"; }
  next() { return ++this.count; }
}
"#;

#[test]
fn callers_in_the_isolate_of_an_object_that_fills_it_are_told_and_go_on() {
    let _machine = alone();
    let setup = Setup::empty().file("worker.js", HUNGRY).file("wrangler.toml", CONFIG);
    let server = setup.limits(|limits| limits.cpu = Duration::from_secs(20)).start();
    let reset = "Durable Object's isolate exceeded its memory limit and was reset. reset=true \
                 overloaded=true";
    for path in ["/rpc", "/fetch", "/later", "/buffers"] {
        let response = server.get(path);
        assert_eq!(response.status, 200, "{path}: {}", response.text());
        assert!(response.text().starts_with(reset), "{path}: {}", response.text());
        // It begins anew.
        assert_eq!(server.text("/"), "1", "{path}");
    }
    let uncaught = server.get("/uncaught");
    assert_eq!(uncaught.status, 500);
    assert!(uncaught.text().contains("exceeded its memory limit"), "{}", uncaught.text());
    assert_eq!(
        server.text("/again"),
        "Durable Object's isolate exceeded its memory limit and was reset. 1 2"
    );
    let others = server.text("/others");
    assert_eq!(others.matches(reset).count(), 3, "{others}");
    // What no object had seen goes to a new one.
    let unseen = server.text("/unseen");
    assert!(unseen.starts_with(reset) && unseen.ends_with("|1|2"), "{unseen}");
    server.join();
}

#[test]
fn requests_beside_an_object_that_fills_its_isolate_are_answered() {
    let _machine = alone();
    let setup = Setup::empty().file("worker.js", HUNGRY).file("wrangler.toml", CONFIG);
    let server = setup.limits(|limits| limits.cpu = Duration::from_secs(20)).start();
    let address = server.address;
    let waits = std::thread::spawn(move || Client::connect(address).get("/wait").text());
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(server.get("/rpc").status, 200);
    assert_eq!(waits.join().expect("it is answered"), "waited");
    server.join();
}

#[test]
fn calls_find_objects_that_move_from_isolate_to_isolate() {
    let _machine = alone();
    let source = r#"
import { DurableObject } from "cloudflare:workers";
let me;
export default {
  async fetch(request, env) {
    me ??= crypto.randomUUID();
    const url = new URL(request.url);
    if (url.pathname === "/burn") {
      const end = performance.now() + 50;
      while (performance.now() < end);
      return new Response(me);
    }
    const answers = [];
    for (let i = 0; i < 100; i++) {
      const stub = env.OBJECTS.getByName(`n${(Math.random() * 4) | 0}`);
      answers.push(await stub.echo(i, () => i).catch((error) => error.message));
      if (i % 3 === 0) await scheduler.wait(1);
    }
    return Response.json(answers);
  },
};
export class Subject extends DurableObject {
  async echo(i, back) { return await back() === i ? i : "another"; }
}
"#;
    let setup = Setup::empty().file("worker.js", source).file("wrangler.toml", CONFIG);
    let server = setup.isolates(2).object_idle(Duration::from_millis(1)).start();
    until_there_are(&server, 2);
    let address = server.address;
    let expected = serde_json::Value::from((0..100).collect::<Vec<_>>());
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                for _ in 0..5 {
                    let answers = Client::connect(address).get("/").json();
                    assert_eq!(answers, expected);
                }
            });
        }
    });
    server.join();
}

#[test]
fn an_isolate_that_rests_ends_without_its_objects() {
    let _machine = alone();
    let server = start(2);
    let homes: HashSet<_> = (0..20).map(|at| call(&server, &format!("/?name=n{at}")).1).collect();
    assert_eq!(homes.len(), 2);
    // Objects are idle for ten seconds before they leave.
    let mut last = HashSet::new();
    for _ in 0..60 {
        std::thread::sleep(Duration::from_millis(500));
        last = (0..12).map(|_| server.text("/me")).collect();
        if last.len() == 1 {
            break;
        }
    }
    assert_eq!(last.len(), 1, "an isolate stays");
    let homes: HashSet<_> = (0..20).map(|at| call(&server, &format!("/?name=n{at}")).1).collect();
    assert_eq!(homes, last);
    server.join();
}

#[test]
fn an_object_refuses_calls_when_too_many_wait() {
    let setup = Setup::empty().file("worker.js", WORKER).file("wrangler.toml", CONFIG);
    let server = setup.limits(|limits| limits.subrequests = 20_000).start();
    let told = server.get("/flood").json();
    assert_eq!(
        told["served"].as_u64().zip(told["refused"].as_u64()),
        Some((10_000, 100)),
        "{told}"
    );
    server.join();
}

/// Names of objects by the isolate that each lives in.
fn spread(server: &TestServer, isolates: usize) -> Vec<Vec<String>> {
    let mut homes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for at in 0..400 {
        let name = format!("spread{at}");
        let (.., home, _) = call(server, &format!("/?name={name}"));
        homes.entry(home).or_default().push(name);
        if homes.len() == isolates && homes.values().all(|names| names.len() >= 3) {
            break;
        }
    }
    assert_eq!(homes.len(), isolates, "{homes:?}");
    homes.into_values().collect()
}

/// All isolates ask for a new object at once: one has it, and all calls come there.
fn race(server: &TestServer, isolates: usize) {
    let mut asked = HashSet::new();
    for round in 0..20 {
        let path = format!("/?name=race{round}");
        let (address, path) = (server.address, path.as_str());
        let calls: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..6 * isolates).map(|_| scope.spawn(move || call_at(address, path))).collect();
            threads.into_iter().map(|thread| thread.join().expect("it is answered")).collect()
        });
        asked.extend(calls.iter().map(|(asked, ..)| asked.clone()));
        let homes: HashSet<_> = calls.iter().map(|(_, home, _)| home).collect();
        assert_eq!(homes.len(), 1, "{calls:?}");
        let mut counts: Vec<_> = calls.iter().map(|(.., count)| *count).collect();
        counts.sort_unstable();
        assert_eq!(counts, (1..=6 * isolates).collect::<Vec<_>>());
    }
    assert_eq!(asked.len(), isolates, "an isolate took no part");
}

/// A chain of objects, each in another isolate, that call each other.
fn relay(server: &TestServer, homes: &[Vec<String>]) {
    let names: Vec<&str> = homes.iter().chain(homes).map(|names| names[0].as_str()).collect();
    let path = format!("/relay?name={}&to={}", names[0], names[1..].join(","));
    for _ in 0..5 {
        let (_, chain, _) = call(server, &path);
        let chain: Vec<&str> = chain.split(',').collect();
        // The last one tells its own home and is told that of the last but one.
        assert_eq!(chain.len(), names.len(), "{chain:?}");
        let different: HashSet<_> = chain.iter().collect();
        assert_eq!(different.len(), homes.len(), "{chain:?}");
        for (at, home) in chain.iter().enumerate() {
            assert_eq!(*home, chain[at % homes.len()], "{chain:?}");
        }
    }
}

#[test]
fn three_isolates_share_the_objects_and_call_each_other() {
    let _machine = alone();
    let server = start(3);
    let homes = spread(&server, 3);
    race(&server, 3);
    relay(&server, &homes);
    server.join();
}

#[test]
fn one_of_four_isolates_ends_while_objects_call_each_other() {
    let _machine = alone();
    let server = start(4);
    let homes = spread(&server, 4);
    race(&server, 4);
    relay(&server, &homes);
    // One is stopped in the middle of calls between all of them.
    let stop = std::sync::atomic::AtomicBool::new(false);
    let address = server.address;
    let names: Vec<&str> = homes.iter().map(|names| names[1].as_str()).collect();
    let chain = format!("/relay?name={}&to={}", names[0], names[1..].join(","));
    let victim = &homes[2][2];
    let (fine, failed) = std::thread::scope(|scope| {
        let calls: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let (mut fine, mut failed) = (0, 0);
                    while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                        let response = Client::connect(address).get(&chain);
                        match response.status {
                            200 => fine += 1,
                            // The object, or the Worker's own isolate, was reset.
                            503 | 599 => failed += 1,
                            500 => {
                                let text = response.text();
                                assert!(text.contains("isolate that ran this request"), "{text}");
                                failed += 1;
                            }
                            status => panic!("{status}: {}", response.text()),
                        }
                    }
                    (fine, failed)
                })
            })
            .collect();
        for _ in 0..3 {
            let response = Client::connect(address).get(&format!("/spin?name={victim}"));
            assert_ne!(response.status, 200);
        }
        // And goes on in the end.
        eventually("all call each other again", || {
            (Client::connect(address).get(&chain).status == 200).then_some(())
        });
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        calls.into_iter().fold((0, 0), |(fine, failed), call| {
            let (more, less) = call.join().expect("only what may happen");
            (fine + more, failed + less)
        })
    });
    assert!(fine > 0, "no call came through, {failed} failed");
    // There are four isolates again, and one instance of each object.
    race_names(&server, &names);
    server.join();
}

/// Each object counts all calls, whoever is asked.
fn race_names(server: &TestServer, names: &[&str]) {
    for name in names {
        let path = format!("/?name={name}");
        let first = call(server, &path).2;
        let counts: Vec<_> = (1..10).map(|_| call(server, &path).2 - first).collect();
        assert_eq!(counts, (1..10).collect::<Vec<_>>(), "{name}");
    }
}

const HELD: &str = r#"
import { DurableObject } from "cloudflare:workers";
export class Subject extends DurableObject {
  born = crypto.randomUUID();
  fetch() {
    this.ctx.waitUntil(new Promise(() => {}));
    return new Response(this.born);
  }
}
export default {
  fetch(request, env) {
    return env.OBJECTS.getByName("held").fetch(request);
  },
};
"#;

#[test]
fn what_an_object_waits_for_does_not_hold_it_for_long_at_old_dates() {
    let setup = Setup::empty().file("worker.js", HELD).file("wrangler.toml", CONFIG);
    let setup = setup.object_idle(Duration::from_millis(20));
    let old = |worker: &mut Worker| worker.compatibility.date = "2026-09-30".into();
    let server = setup.edit(old).start();
    let first = server.get("/").text();
    // Each look is an event, from which on it is idle again.
    let mut pause = Duration::from_millis(500);
    for _ in 0..8 {
        std::thread::sleep(pause);
        if server.get("/").text() != first {
            server.join();
            return;
        }
        pause *= 2;
    }
    panic!("it stayed in memory");
}

#[test]
fn an_object_that_was_evicted_comes_back_in_another_isolate() {
    let _machine = alone();
    let setup = Setup::empty().file("worker.js", WORKER).file("wrangler.toml", CONFIG);
    let setup = setup.isolates(3).rest(Duration::from_secs(60));
    let server = setup.object_idle(Duration::from_millis(50)).start();
    until_there_are(&server, 3);
    let mut homes = HashSet::new();
    let mut calls = 0;
    for _ in 0..60 {
        let (_, home, count) = call(&server, "/kept?name=wanderer");
        calls += 1;
        // What it kept goes along.
        assert_eq!(count, calls);
        homes.insert(home);
        if homes.len() == 3 {
            break;
        }
        // It leaves memory meanwhile.
        std::thread::sleep(Duration::from_millis(200));
    }
    assert!(homes.len() > 1, "it always came back where it was: {homes:?}");
    server.join();
}
