//! Who computes much leaves others their answers. What completes is counted: how long
//! anything takes depends on the machine.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use selvedge_deployments::AccountId;

use super::server::{DOMAIN, Serve, Setup, Upload, get, says};
use crate::harness::Client;

/// Begins an answer, and never gets to its end.
const LOOPS: &str = "export default {
  fetch: () => new Response(new ReadableStream({
    start(controller) { controller.enqueue(new TextEncoder().encode('begun')); },
    async pull() { await scheduler.wait(20); for (;;); },
  }, { highWaterMark: 0 })),
};";
/// Computes for a few milliseconds.
const COMPUTES: &str = "export default { fetch() {
  let sum = 0;
  for (let i = 0; i < 1e6; i++) sum += i % 7;
  return new Response(String(sum));
} };";

/// Requests of the one who does little.
const CALM: usize = 50;
/// Connections of the one who asks much.
const CROWD: usize = 100;

/// Deploys a Worker of an account that is not the first: its host.
fn deploy(serve: &Serve, account: &AccountId, name: &str, source: &str) -> String {
    serve.upload(&serve.key_of(account, name), Upload::new(source), true);
    let label = serve.store.account(account).expect("it answers").expect("it is there").subdomain;
    format!("{name}.{}.{DOMAIN}", label.expect("it has a label"))
}

/// Asks the Worker of the first account, which does little.
fn ask_calmly(client: &mut Client) {
    let answer = get(client, &format!("calm.{DOMAIN}"), "/", &[]);
    assert_eq!((answer.status, answer.text().as_str()), (200, "calm"));
}

#[test]
fn workers_in_a_loop_leave_another_account_its_answers() {
    // Much more than what all that the calm one asks for takes.
    let serve = Setup::with("[limits]\ncpu_ms = 10000").start();
    serve.deploy("calm", &says("calm"));
    assert_eq!(serve.ask("calm", "/").text(), "calm");
    // More of them than there are cores, each of an account of its own.
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let ended = Arc::new(AtomicUsize::new(0));
    for number in 0..=cores {
        let account = serve.new_account(&format!("Busy {number}"), None);
        let host = deploy(&serve, &account, "busy", LOOPS);
        let mut client = serve.connect();
        client.send(format!("GET / HTTP/1.1\r\nhost: {host}\r\n\r\n"));
        assert_eq!(client.head().status, 200);
        let ended = ended.clone();
        // It ends with the connection, at the latest when the server does.
        std::thread::spawn(move || {
            client.rest();
            ended.fetch_add(1, Ordering::Relaxed);
        });
    }
    // For long enough that all of them have begun to compute.
    let (mut client, begun, mut answers) = (serve.connect(), Instant::now(), 0);
    while answers < CALM || begun.elapsed() < Duration::from_secs(1) {
        ask_calmly(&mut client);
        answers += 1;
        let ended = ended.load(Ordering::Relaxed);
        assert_eq!(ended, 0, "{answers} answers came while {ended} loops ended");
    }
}

#[test]
fn a_crowd_that_asks_one_account_does_not_stand_before_another() {
    let serve = Setup::new().start();
    serve.deploy("calm", &says("calm"));
    let account = serve.new_account("Busy", None);
    let host = deploy(&serve, &account, "busy", COMPUTES);
    let done = AtomicUsize::new(0);
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..CROWD {
            scope.spawn(|| {
                let mut client = serve.connect();
                while !is_over.load(Ordering::Relaxed) {
                    assert_eq!(get(&mut client, &host, "/", &[]).status, 200);
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        crate::harness::eventually("all of them ask", || {
            (done.load(Ordering::Relaxed) > 2 * CROWD).then_some(())
        });
        let before = done.load(Ordering::Relaxed);
        let mut client = serve.connect();
        (0..CALM).for_each(|_| ask_calmly(&mut client));
        let meanwhile = done.load(Ordering::Relaxed) - before;
        is_over.store(true, Ordering::Relaxed);
        // Behind all who asked before, each answer would have come after that of each of them.
        assert!(meanwhile < CALM * CROWD, "{meanwhile} answers to others came before {CALM}");
    });
}
