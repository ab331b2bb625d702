//! For strangers' Workers time stands still while they compute.

use crate::harness::Setup;

const WORKER: &str = r#"
const spin = () => { let x = 0; for (let i = 0; i < 3e6; i++) x += i % 7; return x; };
const clocks = {
  now: () => Date.now(),
  date: () => new Date().getTime(),
  call: () => Date(),
  performance: () => performance.now(),
  origin: () => performance.timeOrigin + performance.now(),
  format: () => new Intl.DateTimeFormat("en", { fractionalSecondDigits: 3, second: "numeric" }).format(),
  parts: () => new Intl.DateTimeFormat("en", { fractionalSecondDigits: 3 }).formatToParts().map((p) => p.value).join(""),
  event: () => new Event("x").timeStamp,
  subclass: () => new (class extends Date {})().getTime(),
  constructor: () => new (new Date(0).constructor)().getTime(),
  temporal: () => typeof Temporal === "undefined" ? 0 : `${Temporal.Now.instant()}`,
  file: () => new File([], "x").lastModified,
  mark: () => performance.mark?.("x")?.startTime ?? 0,
  locale: () => new Date().toISOString(),
};
export default {
  async fetch(request) {
    const changed = [];
    const begin = Date.now();
    for (const name of Object.keys(clocks)) {
      const before = clocks[name]();
      spin();
      if (clocks[name]() !== before) changed.push(name);
    }
    const still = Date.now() === begin;
    await scheduler.wait(30);
    return Response.json({ changed, still, passed: Date.now() - begin, real: begin });
  },
};
"#;

#[test]
fn clocks_advance_only_with_io() {
    let server = Setup::new(WORKER).production().start();
    let seen = server.get("/").json();
    assert_eq!(seen["changed"], serde_json::json!([]));
    assert_eq!(seen["still"], true);
    assert!(seen["passed"].as_f64().is_some_and(|it| it >= 25.0), "{seen}");
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("it is after 1970")
        .as_millis() as f64;
    assert!((now - seen["real"].as_f64().expect("a number")).abs() < 600_000.0, "{seen}");
}

#[test]
fn clocks_of_a_developer_run() {
    let server = Setup::new(WORKER).start();
    let seen = server.get("/").json();
    assert_eq!(seen["still"], false, "{seen}");
}

#[test]
fn dates_work_as_ever() {
    let server = Setup::new(
        r#"export default {
          fetch() {
            const day = new Date(2024, 1, 29, 12);
            return Response.json([
              new Date(0).toISOString(), Date.UTC(2020, 0, 1), Date.parse("2020-01-01T00:00:00Z"),
              day.getDate(), day instanceof Date, Object.prototype.toString.call(day),
              new Date("x").getTime(), Date.length, Date.name, typeof Date(), structuredClone(new Date(5)).getTime(),
              new Intl.DateTimeFormat("en-US", { timeZone: "UTC" }).format(new Date(0)),
            ]);
          },
        };"#,
    )
    .production()
    .start();
    assert_eq!(
        server.get("/").json(),
        serde_json::json!([
            "1970-01-01T00:00:00.000Z",
            1_577_836_800_000_u64,
            1_577_836_800_000_u64,
            29,
            true,
            "[object Date]",
            null,
            7,
            "Date",
            "string",
            5,
            "1/1/1970"
        ])
    );
}
