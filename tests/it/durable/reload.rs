//! Objects of a Worker that is replaced while it serves.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::dev::Dev;
use crate::harness::{Client, eventually};

/// Each instance has a name of its own and counts its calls: two that live at a
/// time would count past each other.
fn worker(version: usize) -> String {
    format!(
        r#"
export const VERSION = {version};
export default {{
  async fetch(request, env) {{
    try {{
      return await env.OBJECTS.getByName("a").fetch(request);
    }} catch (error) {{
      return Response.json({{ message: error.message, retryable: error.retryable, reset: error.durableObjectReset }}, {{ status: 599 }});
    }}
  }},
}};
export class Subject {{
  me = crypto.randomUUID();
  count = 0;
  async fetch(request) {{
    const count = ++this.count;
    if (new URL(request.url).pathname === "/slow") await scheduler.wait(20);
    if (new URL(request.url).pathname === "/never") await new Promise(() => {{}});
    return new Response(`${{VERSION}} ${{this.me}} ${{count}}`);
  }}
}}
"#
    )
}

const CONFIG: &str = r#"
name = "reloaded"
main = "worker.js"
compatibility_date = "2026-11-01"
[[durable_objects.bindings]]
name = "OBJECTS"
class_name = "Subject"
[[migrations]]
tag = "1"
new_sqlite_classes = ["Subject"]
"#;

fn start() -> Dev {
    Dev::start(&[("worker.js", &worker(0)), ("wrangler.toml", CONFIG)], &[])
}

fn version(text: &str) -> Option<usize> {
    text.split(' ').next()?.parse().ok()
}

#[test]
fn callers_of_the_old_version_are_told_and_may_try_again() {
    let dev = start();
    assert_eq!(version(&dev.get("/").text()), Some(0));
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| dev.get("/never"));
        eventually("the call waits", || {
            let text = dev.get("/").text();
            text.ends_with(" 1").then_some(()).is_none().then_some(())
        });
        std::thread::sleep(std::time::Duration::from_millis(100));
        dev.write("worker.js", &worker(1));
        let told = waits.join().expect("it is answered");
        assert_eq!(told.status, 599, "{}", told.text());
        let error: serde_json::Value = serde_json::from_str(&told.text()).expect("it is JSON");
        assert_eq!(error["message"], "Durable Object reset because its code was updated.");
        assert_eq!((&error["retryable"], &error["reset"]), (&true.into(), &true.into()));
    });
    eventually("the new version answers", || {
        (version(&dev.get("/").text()) == Some(1)).then_some(())
    });
}

#[test]
fn an_object_never_lives_twice_during_fifty_reloads() {
    let dev = start();
    let stop = AtomicBool::new(false);
    let answered = AtomicUsize::new(0);
    // What one instance answered, in the order of its calls.
    let seen: std::sync::Mutex<Vec<(usize, String, usize)>> = std::sync::Mutex::default();
    std::thread::scope(|scope| {
        for index in 0..6 {
            let (dev, stop, answered, seen) = (&dev, &stop, &answered, &seen);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let path = if index % 2 == 0 { "/" } else { "/slow" };
                    let response = Client::connect(dev.address).get(path);
                    let text = response.text();
                    if response.status == 599 {
                        let told = text.contains("code was updated");
                        assert!(told || text.contains("Network connection lost"), "{text}");
                        continue;
                    }
                    assert_eq!(response.status, 200, "{text}");
                    let parts: Vec<&str> = text.split(' ').collect();
                    let count = parts[2].parse().expect("a number");
                    let version = parts[0].parse().expect("a number");
                    seen.lock().unwrap().push((version, parts[1].to_owned(), count));
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for round in 1..=50 {
            dev.write("worker.js", &worker(round));
            eventually("the next version answers", || {
                version(&dev.get("/").text()).is_some_and(|it| it == round).then_some(())
            });
        }
        stop.store(true, Ordering::Relaxed);
    });
    let seen = seen.into_inner().unwrap();
    let mut of_version: HashMap<usize, Vec<&String>> = HashMap::new();
    let mut counts: HashMap<&String, Vec<usize>> = HashMap::new();
    for (version, instance, count) in &seen {
        let instances = of_version.entry(*version).or_default();
        if !instances.contains(&instance) {
            instances.push(instance);
        }
        counts.entry(instance).or_default().push(*count);
    }
    for (version, instances) in &of_version {
        assert_eq!(instances.len(), 1, "version {version} had {instances:?}");
    }
    for (instance, mut counts) in counts {
        counts.sort_unstable();
        counts.dedup();
        let before = seen.iter().filter(|(_, other, _)| other == instance).count();
        assert_eq!(counts.len(), before, "a call of {instance} was counted twice");
    }
    assert!(answered.load(Ordering::Relaxed) > 100, "{}", dev.log());
}
