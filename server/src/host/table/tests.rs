use super::*;

struct Given {
    table: Table<String>,
    workers: HashMap<String, (Names, Arc<String>)>,
}

impl Given {
    fn new() -> Self {
        Self { table: Table::new(1, Some("edge.test")), workers: HashMap::new() }
    }

    fn with(mut self, name: &str, change: impl FnOnce(&mut Names)) -> Self {
        let mut names = Names { name: name.to_owned(), ..Names::default() };
        change(&mut names);
        let worker = Arc::new(name.to_owned());
        self.table.add(&names, &worker);
        self.workers.insert(name.to_owned(), (names, worker));
        self
    }

    fn routes(self, name: &str, routes: &[&str]) -> Self {
        self.with(name, |names| names.routes = routes.iter().map(ToString::to_string).collect())
    }

    fn find(&self, url: &str) -> String {
        let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
        let (host, target) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
        let ask = Ask { host, target, is_secure: scheme == "https" };
        match self.table.find(&ask) {
            None => "nobody".to_owned(),
            Some(Found::Worker { worker, whole_host }) => {
                format!("{worker}{}", if whole_host { "" } else { " by path" })
            }
            Some(Found::Preview { worker, version }) => format!("{version} of {worker}"),
        }
    }
}

#[test]
fn the_longest_path_wins_and_an_exact_one_before_an_open_one() {
    let given = Given::new()
        .routes("all", &["example.com/*"])
        .routes("api", &["example.com/api/*"])
        .routes("exact", &["example.com/api/"])
        .routes("secure", &["https://example.com/api/v2*"]);
    for (url, found) in [
        ("example.com/", "all by path"),
        ("example.com/api", "all by path"),
        ("example.com/api/x?y", "api by path"),
        ("example.com/api/", "exact by path"),
        ("example.com/api/?q", "api by path"),
        ("https://example.com/api/v2", "secure by path"),
        ("http://example.com/api/v2", "api by path"),
        ("www.example.com/", "nobody"),
    ] {
        assert_eq!(given.find(url), found, "{url}");
    }
}

#[test]
fn the_longest_host_wins_and_an_exact_one_before_a_wildcard() {
    let given = Given::new()
        .routes("wild", &["*example.com/*"])
        .routes("below", &["*.a.example.com/*"])
        .routes("exact", &["x.a.example.com/only*"]);
    for (url, found) in [
        ("example.com/", "wild"),
        ("b.example.com/", "wild"),
        ("a.example.com/", "wild by path"),
        ("b.a.example.com/x", "below"),
        ("x.a.example.com/only/1", "exact by path"),
        ("x.a.example.com/other", "below by path"),
        ("badexample.com/", "nobody"),
    ] {
        assert_eq!(given.find(url), found, "{url}");
    }
}

#[test]
fn hosts_below_alone_go_before_those_with_the_name_itself() {
    let given =
        Given::new().routes("with", &["*example.com/*"]).routes("below", &["*.example.com/*"]);
    assert_eq!(given.find("a.example.com/"), "below by path");
    assert_eq!(given.find("example.com/"), "with by path");
}

#[test]
fn routes_go_before_custom_domains() {
    let given = Given::new()
        .with("domain", |names| names.domains = vec!["shop.example.com".into()])
        .routes("route", &["shop.example.com/admin*"]);
    assert_eq!(given.find("shop.example.com/"), "domain by path");
    assert_eq!(given.find("shop.example.com/admin"), "route by path");
    let alone = Given::new().with("domain", |names| names.domains = vec!["Shop.Test.".into()]);
    assert_eq!(alone.find("shop.test/x"), "domain");
}

#[test]
fn names_of_two_accounts_do_not_meet() {
    let dev = |subdomain: Option<&str>| {
        let subdomain = subdomain.map(str::to_owned);
        move |names: &mut Names| {
            names.workers_dev = true;
            names.previews = true;
            names.subdomain = subdomain;
        }
    };
    let given = Given::new()
        .with("first", |names| {
            dev(None)(names);
            names.name = "api".into();
        })
        .with("second", |names| {
            dev(Some("acme"))(names);
            names.name = "api".into();
        });
    for (url, found) in [
        ("api.edge.test/", "first"),
        ("api.acme.edge.test/", "second"),
        ("0123abcd-api.edge.test/", "0123abcd of first"),
        ("0123abcd-api.acme.edge.test/", "0123abcd of second"),
        ("0123abcx-api.edge.test/", "nobody"),
        ("api.other.edge.test/", "nobody"),
        ("edge.test/", "nobody"),
    ] {
        assert_eq!(given.find(url), found, "{url}");
    }
}

#[test]
fn who_has_no_name_and_no_previews_does_not_answer() {
    let given = Given::new()
        .with("shy", |_| {})
        .with("hidden", |names| names.previews = true)
        .with("plain", |names| names.workers_dev = true);
    assert_eq!(given.find("shy.edge.test/"), "nobody");
    assert_eq!(given.find("hidden.edge.test/"), "nobody");
    assert_eq!(given.find("0123abcd-hidden.edge.test/"), "0123abcd of hidden");
    assert_eq!(given.find("0123abcd-plain.edge.test/"), "nobody");
}

#[test]
fn nobody_takes_names_of_the_server() {
    let given = Given::new()
        .with("victim", |names| names.workers_dev = true)
        .routes("thief", &["*.edge.test/*", "victim.edge.test/*"])
        .with("other", |names| names.domains = vec!["victim.edge.test".into()]);
    assert_eq!(given.find("victim.edge.test/"), "victim");
    let wider =
        Given::new().with("victim", |names| names.workers_dev = true).routes("thief", &["*test/*"]);
    assert_eq!(wider.find("victim.edge.test/"), "victim");
    let mut table = Table::new(1, Some("edge.test"));
    let names = Names { routes: vec!["*.edge.test/*".into()], ..Names::default() };
    assert_eq!(table.add(&names, &Arc::new(())).len(), 1);
}

#[test]
fn a_worker_that_is_taken_out_leaves_nothing() {
    let mut given = Given::new().routes("kept", &["example.com/*"]).with("gone", |names| {
        names.workers_dev = true;
        names.routes = vec!["example.com/api/*".into(), "*.example.org/*".into()];
        names.domains = vec!["own.test".into()];
    });
    let (names, worker) = given.workers.remove("gone").expect("it was added");
    given.table.remove(&names, &worker);
    for url in ["a.example.org/", "own.test/", "gone.edge.test/"] {
        assert_eq!(given.find(url), "nobody", "{url}");
    }
    assert_eq!(given.find("example.com/api/x"), "kept");
    assert_eq!(given.table.hosts.len(), 1);
    assert!(given.table.names.is_empty());
}

#[test]
fn hosts_are_compared_without_port_case_and_dot() {
    let normal = |text: &str| normal_host(text.as_bytes()).map(|it| it.into_owned());
    assert_eq!(normal("Example.COM.:8080").as_deref(), Some("example.com"));
    assert_eq!(normal("example.com").as_deref(), Some("example.com"));
    assert_eq!(normal("[::1]:80").as_deref(), Some("[::1]"));
    assert_eq!(normal("[::1"), None);
}
