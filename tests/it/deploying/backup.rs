//! `selvedge backup` of a server that works, and a server on the restored folder.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Served, full, run, serve};
use crate::harness::Client;

#[test]
fn a_server_is_copied_while_it_works_and_the_copy_serves() {
    let served = Served::start();
    let example = full();
    served.selvedge(example.path(), &["deploy"]).text();
    served.selvedge_with(example.path(), &["secret", "put", "API_KEY"], "k").text();
    let host = served.host("full");
    served.ask("PUT", &host, "/api/notes/kept", &[], "before");

    // Someone counts all the while; what was counted before the copy is in it.
    let before: u64 = count(&served, &host);
    let stop = Arc::new(AtomicBool::new(false));
    let writer = {
        let (stop, address, host) = (stop.clone(), served.address, host.clone());
        std::thread::spawn(move || {
            let mut client = Client::connect(address);
            let mut last = 0;
            while !stop.load(Ordering::Relaxed) {
                let answer = client.request("POST", "/api/count/busy", &[("host", &host)], b"");
                last = answer.text().trim().parse().expect("a number");
            }
            last
        })
    };
    let (data, copy) = (served.data(), served.folder.path().join("copy"));
    let (data, copy) = (data.to_str().expect("UTF-8"), copy.to_str().expect("UTF-8"));
    let folder = served.folder.path();
    let said = run(folder, &["backup", "--data-dir", data, copy], &[], "");
    assert!(said.stderr.contains("Copied "), "{said:?}");
    let at_copy = count(&served, &host);
    stop.store(true, Ordering::Relaxed);
    let after: u64 = writer.join().expect("it does not panic");
    assert!(before < at_copy && at_copy <= after + 1);

    // Folders that hold something are left alone.
    let refused = run(folder, &["restore", "--data-dir", data, copy], &[], "").error();
    assert!(refused.contains("is not empty"), "{refused}");
    let restored = folder.join("restored");
    let text = restored.to_str().expect("UTF-8");
    run(folder, &["restore", "--data-dir", text, copy], &[], "").text();

    let (_program, address, _) = serve(folder, &restored, "");
    let ask = |method: &str, path: &str, headers: &[(&str, &str)]| {
        let mut all = vec![("host", host.as_str())];
        all.extend(headers);
        Client::connect(address).request(method, path, &all, b"")
    };
    assert_eq!(ask("GET", "/api/notes/kept", &[]).text(), "before");
    let key = [("authorization", "Bearer k")];
    assert_eq!(ask("GET", "/api/secret", &key).text(), "come in\n");
    assert!(ask("GET", "/", &[]).text().contains("<h1>Notes</h1>"));
    let counted: u64 = ask("POST", "/api/count/busy", &[]).text().trim().parse().expect("a number");
    assert!(counted > before && counted <= at_copy + 1, "{before} {counted} {at_copy}");
}

fn count(served: &Served, host: &str) -> u64 {
    served.ask("POST", host, "/api/count/busy", &[], "").text().trim().parse().expect("a number")
}
