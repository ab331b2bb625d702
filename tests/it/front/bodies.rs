//! Ranges, large bodies, streams, and what is on disk.

use super::{WORKER, ask, get, got, is, post, runs, server};
use crate::harness::{Program, eventually};

#[test]
fn ranges_are_cut_from_the_whole() {
    let server = server();
    let range = |path: &str, does: &str, range: &str| {
        let answer = ask(&server, "GET", path, does, &[("range", range)]);
        let content = answer.header("content-range").map(str::to_owned);
        (answer.status, got(&answer), content)
    };
    let whole = r#"{"body":"0123456789","shows":["range"]}"#;
    let fixed = r#"{"pieces":"0123456789","length":true}"#;
    for (path, does, total) in [("/whole", whole, 12), ("/fixed", fixed, 10)] {
        let content = |part: &str| Some(format!("bytes {part}/{total}"));
        assert_eq!(
            range(path, does, "bytes=2-4"),
            (206, is("MISS", "234"), content("2-4")),
            "{path}"
        );
        eventually("all of it is kept", || {
            (get(&server, path, does).header("cf-cache-status") == Some("HIT")).then_some(())
        });
        assert_eq!(range(path, does, "bytes=5-6"), (206, is("HIT", "56"), content("5-6")));
        assert_eq!(range(path, does, "bytes=99-"), (416, is("HIT", ""), content("*")));
    }
    assert_eq!(runs(&server), "2");
    // Without a length there is no part of it.
    let stream = r#"{"pieces":"0123456789"}"#;
    assert_eq!(range("/stream", stream, "bytes=2-4"), (200, is("MISS", "0123456789"), None));
    eventually("it is kept", || {
        (range("/stream", stream, "bytes=2-4").1 == is("HIT", "234")).then_some(())
    });
}

#[test]
fn a_worker_never_sees_ranges_and_what_it_cuts_is_not_kept() {
    let server = server();
    let shows = r#"{"shows":["range","if-range"],"status":206}"#;
    let headers = [("range", "bytes=0-1"), ("if-range", "\"x\"")];
    for number in 1..3 {
        let answer = ask(&server, "GET", "/a", shows, &headers);
        assert_eq!(got(&answer), is("BYPASS", &format!("answer {number}")));
        assert_eq!(
            answer.header("x-seen"),
            Some(r#"{"method":"GET","range":null,"if-range":null}"#)
        );
    }
}

#[test]
fn large_bodies_are_kept_in_files() {
    let server = server();
    let large = 3_000_000;
    let does = format!(r#"{{"large":{large}}}"#);
    let first = get(&server, "/a", &does);
    assert_eq!((first.body.len(), first.header("cf-cache-status")), (large, Some("MISS")));
    let hit = get(&server, "/a", &does);
    assert_eq!((hit.body.len(), hit.header("cf-cache-status")), (large, Some("HIT")));
    assert!(hit.body == first.body);
    assert_eq!(hit.header("content-length"), Some("3000000"));
    let part = ask(&server, "GET", "/a", &does, &[("range", "bytes=2999990-")]);
    assert_eq!((part.status, got(&part)), (206, is("HIT", "1111111111")));
    let head = ask(&server, "HEAD", "/a", &does, &[]);
    assert_eq!((head.header("content-length"), got(&head)), (Some("3000000"), is("HIT", "")));
    // Its file goes, and it was never there.
    std::fs::remove_dir_all(server.data_dir().join("cache").join("http")).expect("it is there");
    let again = get(&server, "/a", &does);
    assert_eq!((again.body[0], again.header("cf-cache-status")), (b'2', Some("MISS")));
    assert_eq!(runs(&server), "2");
}

#[test]
fn streams_are_kept_when_they_are_whole() {
    let server = server();
    let does = r#"{"pieces":"abc","between":"gate"}"#;
    let mut client = server.connect();
    client.send(format!("GET /a HTTP/1.1\r\nhost: x\r\nx-do: {does}\r\n\r\n"));
    let head = client.head();
    assert_eq!(head.header("cf-cache-status"), Some("MISS"));
    assert_eq!(client.chunk().as_deref(), Some(&b"a"[..]), "the first piece does not wait");
    post(&server, "/open", "");
    assert_eq!(
        [client.chunk(), client.chunk(), client.chunk()],
        [Some(b"b".to_vec()), Some(b"c".to_vec()), None]
    );
    eventually("it is kept", || (got(&get(&server, "/a", does)) == is("HIT", "abc")).then_some(()));
    assert_eq!(runs(&server), "1");
}

#[test]
fn what_breaks_off_is_not_kept() {
    let server = server();
    let mut client = server.connect();
    client.send("GET /a HTTP/1.1\r\nhost: x\r\nx-do: {\"pieces\":\"abc\",\"breaks\":true}\r\n\r\n");
    client.rest();
    assert_eq!(got(&get(&server, "/a", "{}")), is("MISS", "answer 2"));
    assert_eq!(got(&get(&server, "/a", "{}")), is("HIT", "answer 2"));
}

#[test]
fn what_is_kept_outlives_a_kill() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("worker.js"), WORKER).expect("written");
    let config = "name = \"front\"\nmain = \"worker.js\"\n[cache]\nenabled = true\n";
    std::fs::write(folder.path().join("wrangler.toml"), config).expect("written");
    let start = || Program::selvedge(folder.path(), &["run", "--port", "0", "--data-dir", "data"]);
    let ask = |program: &mut Program, path: &str| got(&program.connect().get(path));
    let mut program = start();
    assert_eq!(ask(&mut program, "/a"), is("MISS", "answer 1"));
    assert_eq!(ask(&mut program, "/b"), is("MISS", "answer 2"));
    // Files are written a moment later.
    let kept = folder.path().join("data").join("cache").join("http");
    eventually("both are on disk", || {
        let folders = std::fs::read_dir(&kept).ok()?.flatten();
        let files = folders.filter(|it| it.file_name().len() == 2);
        let count = files.filter_map(|it| std::fs::read_dir(it.path()).ok()).map(Iterator::count);
        (count.sum::<usize>() == 2).then_some(())
    });
    program.signal(libc::SIGKILL);
    program.wait();
    let mut program = start();
    assert_eq!(ask(&mut program, "/a"), is("HIT", "answer 1"));
    assert_eq!(ask(&mut program, "/b"), is("HIT", "answer 2"));
    drop(program);
    // Other code is another version.
    std::fs::write(folder.path().join("worker.js"), WORKER.replace("\"answer\"", "\"new\""))
        .expect("written");
    let mut program = start();
    assert_eq!(ask(&mut program, "/a"), is("MISS", "new 1"));
}
