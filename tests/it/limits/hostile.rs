//! The zoo of hostile Workers.

use super::limited;
use super::neighbour::{Neighbour, assert_unharmed};
use crate::harness::{Response, Setup, TestServer, alone};

const CPU: &str = "Worker exceeded CPU time limit.";
const MEMORY: &str = "Worker exceeded memory limit.";

/// A Worker whose `/attack` runs this code, and that answers otherwise.
fn worker(attack: &str) -> Setup {
    limited(&format!(
        r#"const hostage = [];
        export default {{
          async fetch(request, env, ctx) {{
            if (new URL(request.url).pathname !== "/attack") return new Response("alive");
            {attack}
            return new Response("survived");
          }},
        }};"#
    ))
}

/// The same with CPU time enough to use up all memory.
fn greedy(attack: &str) -> Setup {
    worker(attack).limits(|limits| limits.cpu = std::time::Duration::from_secs(10))
}

/// Attacks some times while a neighbour is measured; the answers.
fn attack(name: &str, server: &TestServer) -> Vec<Response> {
    let neighbour = Neighbour::start();
    assert_eq!(server.text("/"), "alive");
    let before = neighbour.quiet();
    let (answers, during) = neighbour.during(|| {
        (0..3)
            .map(|_| {
                let answer = server.get("/attack");
                assert_eq!(server.text("/"), "alive", "the same Worker answers again");
                answer
            })
            .collect()
    });
    assert_unharmed(name, before, during);
    answers
}

#[track_caller]
fn assert_stopped(name: &str, answers: &[Response], text: &str) {
    for answer in answers {
        assert_eq!(answer.status, 503, "{name}: {}", answer.text());
        assert!(answer.text().contains(text), "{name}: {}", answer.text());
    }
}

fn is_stopped_for(name: &str, code: &str, text: &str) {
    let _machine = alone();
    let server = if text == MEMORY { greedy(code) } else { worker(code) }.start();
    let answers = attack(name, &server);
    assert_stopped(name, &answers, text);
}

#[test]
fn an_endless_loop_is_stopped() {
    is_stopped_for("loop", "for (;;);", CPU);
}

#[test]
fn an_endless_loop_after_a_wait_is_stopped() {
    is_stopped_for("loop after a wait", "await scheduler.wait(1); for (;;);", CPU);
}

#[test]
fn a_loop_that_catches_everything_is_stopped() {
    is_stopped_for(
        "catching loop",
        "for (;;) { try { for (;;); } catch {} finally { for (;;); } }",
        CPU,
    );
}

#[test]
fn endless_microtasks_are_stopped() {
    is_stopped_for(
        "microtasks",
        "const again = () => queueMicrotask(again); again(); await scheduler.wait(60000);",
        CPU,
    );
    is_stopped_for("awaits", "for (;;) await null;", CPU);
}

#[test]
fn a_catastrophic_regular_expression_is_stopped() {
    is_stopped_for("regexp", r#"/^(a+)+$/.test("a".repeat(40) + "!");"#, CPU);
}

#[test]
fn an_endless_wasm_loop_is_stopped() {
    let _machine = alone();
    // (module (func (export "spin") (loop br 0)))
    let wasm = [
        0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 7, 8, 1, 4, 115, 112, 105, 110,
        0, 0, 10, 9, 1, 7, 0, 3, 64, 12, 0, 11, 11,
    ];
    let server = limited(
        r#"import spin from "./spin.wasm";
        export default {
          async fetch(request) {
            if (new URL(request.url).pathname !== "/attack") return new Response("alive");
            new WebAssembly.Instance(spin).exports.spin();
          },
        };"#,
    )
    .file("spin.wasm", wasm)
    .start();
    let answers = attack("wasm", &server);
    assert_stopped("wasm", &answers, CPU);
}

#[test]
fn a_sort_that_takes_long_is_stopped() {
    is_stopped_for(
        "sort",
        "const a = Array.from({ length: 100000 }, (_, i) => -i); for (;;) a.sort((x, y) => y - x).reverse();",
        CPU,
    );
}

#[test]
fn a_loop_of_slow_built_ins_is_stopped() {
    is_stopped_for(
        "JSON",
        r#"for (;;) JSON.parse(JSON.stringify(Array(1000).fill({ a: "b" })));"#,
        CPU,
    );
}

#[test]
fn a_timer_flood_is_stopped() {
    let _machine = alone();
    let server = worker(
        r#"let set = 0;
        try { for (;;) { setTimeout(() => { for (let i = 0; i < 1e6; i++); }, 0); set++; } }
        catch (error) { console.log("refused: " + error.message); }
        await new Promise(() => {});"#,
    )
    .start();
    // Either the timers use the CPU time up, or nothing is left to wait for.
    for answer in attack("timers", &server) {
        assert!(matches!(answer.status, 500 | 503), "timers: {}", answer.text());
    }
}

#[test]
fn intervals_that_spin_are_stopped() {
    is_stopped_for(
        "intervals",
        "setInterval(() => { for (let i = 0; i < 1e7; i++); }, 0); await scheduler.wait(60000);",
        CPU,
    );
}

#[test]
fn endless_recursion_is_an_exception() {
    let _machine = alone();
    let server = worker("const f = () => f() + 1; f();").start();
    for answer in attack("recursion", &server) {
        assert_eq!(answer.status, 500);
        assert!(answer.text().contains("Maximum call stack size exceeded"), "{}", answer.text());
    }
    let server = worker(
        r#"let deep = []; for (let i = 0; i < 100000; i++) deep = [deep]; JSON.stringify(deep);"#,
    )
    .start();
    for answer in attack("deep JSON", &server) {
        // V8 needs no stack for this one any more.
        assert!([200, 500].contains(&answer.status), "{}", answer.text());
    }
}

#[test]
fn recursion_through_the_platform_is_an_exception() {
    let _machine = alone();
    let server = worker(
        r#"class Loop extends Headers { get(name) { return new Loop([["a", this.get(name)]]).get(name); } }
        const target = new EventTarget();
        target.addEventListener("x", () => target.dispatchEvent(new Event("x")));
        switch (Math.floor(Math.random() * 2)) {
          case 0: new Loop().get("a"); break;
          default: target.dispatchEvent(new Event("x"));
        }"#,
    )
    .start();
    for answer in attack("platform recursion", &server) {
        assert!([500, 503, 200].contains(&answer.status), "{}", answer.text());
    }
}

#[test]
fn a_heap_bomb_is_stopped() {
    is_stopped_for("heap", "let s = 0; for (;;) hostage.push({ a: [s++], b: `${s}` });", MEMORY);
}

#[test]
fn a_string_bomb_is_stopped() {
    let _machine = alone();
    let server = greedy(
        r#"let s = "x".repeat(1 << 20);
        for (let i = 0; ; i++) { hostage.push(Array.from(s, (c) => c + i)); }"#,
    )
    .start();
    let answers = attack("strings", &server);
    for answer in &answers {
        assert_eq!(answer.status, 503, "{}", answer.text());
    }
}

#[test]
fn a_sum_of_array_buffers_is_stopped() {
    is_stopped_for("buffers", "for (;;) hostage.push(new ArrayBuffer(1 << 20));", MEMORY);
}

#[test]
fn one_huge_array_buffer_is_only_refused() {
    let _machine = alone();
    let server = worker("new ArrayBuffer(1 << 30);").start();
    for answer in attack("one buffer", &server) {
        assert_eq!(answer.status, 500);
        assert!(answer.text().contains("RangeError"), "{}", answer.text());
    }
}

#[test]
fn wasm_memory_is_bounded() {
    let _machine = alone();
    let server = greedy(
        r#"const memory = new WebAssembly.Memory({ initial: 1 });
        hostage.push(memory);
        for (let i = 0; i < 30000; i++) { memory.grow(1); new Uint8Array(memory.buffer).fill(1, i * 65536); }"#,
    )
    .start();
    for answer in attack("wasm memory", &server) {
        assert!(answer.status >= 500, "{} {}", answer.status, answer.text());
    }
}

#[test]
fn a_promise_flood_is_stopped() {
    let _machine = alone();
    let server = greedy("for (;;) hostage.push(new Promise(() => {}).then(() => {}));").start();
    let answers = attack("promises", &server);
    for answer in &answers {
        assert_eq!(answer.status, 503, "{}", answer.text());
    }
}

#[test]
fn a_flood_of_console_output_does_no_harm() {
    let _machine = alone();
    let server = worker(r#"const text = "x".repeat(10000); for (;;) console.log(text);"#).start();
    // A stop inside of an op reaches the platform's code as an exception.
    assert_stopped("console", &attack("console", &server), CPU);
}

#[test]
fn huge_headers_are_refused_or_served_but_nothing_breaks() {
    let _machine = alone();
    let server = worker(
        r#"const headers = new Headers();
        for (let i = 0; i < 2000; i++) headers.append(`x-${i}`, "y".repeat(10000));
        return new Response("big", { headers });"#,
    )
    .start();
    for answer in attack("headers", &server) {
        assert!([200, 500, 503].contains(&answer.status), "{}", answer.status);
    }
}

#[test]
fn a_response_that_spins_in_a_getter_is_stopped() {
    is_stopped_for("getter", "return { get then() { for (;;); } };", CPU);
    is_stopped_for(
        "stream",
        "return new Response(new ReadableStream({ async start(c) { await null; for (;;); } }));",
        CPU,
    );
}

#[test]
fn wait_until_that_spins_is_stopped() {
    let _machine = alone();
    let server =
        worker(r#"ctx.waitUntil((async () => { await scheduler.wait(5); for (;;); })());"#).start();
    for answer in attack("waitUntil", &server) {
        assert_eq!(answer.text(), "survived");
    }
}

#[test]
fn a_global_scope_that_spins_is_stopped() {
    let _machine = alone();
    let neighbour = Neighbour::start();
    let before = neighbour.quiet();
    let (error, during) =
        neighbour.during(|| Setup::new("for (;;); export default { fetch() {} };").fails());
    assert!(error.contains("Script startup exceeded CPU time limit."), "{error}");
    assert_unharmed("global scope", before, during);
    let (error, during) = neighbour.during(|| {
        Setup::new("const all = []; for (;;) all.push([1]); export default { fetch() {} };").fails()
    });
    assert!(error.contains("exceeded"), "{error}");
    assert_unharmed("global scope's memory", before, during);
}
