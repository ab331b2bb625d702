use super::*;

fn refused(text: &str) -> String {
    Settings::parse(text).expect_err(text)
}

#[test]
fn an_empty_file_has_the_defaults() {
    let settings = Settings::parse("").expect("valid");
    assert_eq!(settings, Settings::default());
    assert_eq!(settings.limits.cpu_ms, 30_000);
    assert_eq!(settings.limits.memory_bytes, 128 * 1024 * 1024);
    assert_eq!(settings.limits.script_bytes, 64 * 1024 * 1024);
}

#[test]
fn all_keys_are_read() {
    let settings = Settings::parse(
        r#"
        domain = "Edge.Example.com"
        [limits]
        cpu_ms = 50
        requests_per_second = 10
        [account]
        storage_bytes = 5
        [isolates]
        most = 7
        most_of_one = 2
        [proxies]
        trusted = ["10.0.0.0/8", "::1/128"]
        proxy_protocol = true
        [[tls]]
        certificate = "a.pem"
        key = "a.key"
        [[tls]]
        hosts = ["*.example.org"]
        certificate = "b.pem"
        key = "b.key"
        [network]
        allowed = ["192.168.7.0/24"]
        [drain]
        delay_seconds = 5
        [zones]
        assigned = true
        [d1]
        history_days = 7
        history_databases = 0
        "#,
    )
    .expect("valid");
    assert_eq!(settings.domain.as_deref(), Some("edge.example.com"));
    assert_eq!((settings.isolates.most, settings.isolates.most_of_one()), (7, 2));
    assert_eq!(settings.tls[1].hosts, ["*.example.org"]);
    assert!(settings.zones.assigned);
    let history = settings.d1.limits().0;
    assert_eq!((history.kept_days, history.max_bytes, history.max_databases), (7, 256 << 20, 0));
}

#[test]
fn a_wrong_key_is_told_with_its_place() {
    let text = refused("[limits]\ncpu_ms = 50\nmemry_bytes = 1\n");
    assert!(text.contains("line 3, column 1"), "{text}");
    assert!(text.contains("memry_bytes") && text.contains("memory_bytes"), "{text}");
    let text = refused("[isolates]\nmost = \"many\"\n");
    assert!(text.contains("line 2, column 8"), "{text}");
    let text = refused("[proxies]\ntrusted = [\"10.0.0.0/33\"]\n");
    assert!(text.contains("line 2, column 12"), "{text}");
}

#[test]
fn values_that_make_no_sense_are_refused_by_name() {
    for (text, says) in [
        ("domain = \"a b\"", "domain"),
        ("[limits]\ncpu_ms = 0", "limits.cpu_ms"),
        ("[limits]\nmemory_bytes = 1000", "limits.memory_bytes"),
        ("[isolates]\nmost = 0", "isolates.most"),
        ("[d1]\nhistory_days = 0", "d1.history_days"),
        ("[proxies]\nproxy_protocol = true", "proxies.proxy_protocol"),
    ] {
        let refusal = refused(text);
        assert!(refusal.contains(says), "{refusal}");
    }
}
