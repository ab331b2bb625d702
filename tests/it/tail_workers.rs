//! Tail Workers: what they get, that nobody waits for them, and that they are as
//! workerd's.

mod dev;
mod serve;
mod stream;

/// Posts to `env.SINK` what it gets, with the names of all classes.
const CONSUMER: &str = r#"
function described(value) {
  if (value === undefined) return "undefined";
  if (value === null || typeof value !== "object") return typeof value === "function" ? "a function" : value;
  if (value instanceof Date) return "a Date";
  if (Array.isArray(value)) return value.map(described);
  const told = {};
  const name = Object.getPrototypeOf(value).constructor.name;
  if (name !== "Object") told.class = `${name} ${Object.prototype.toString.call(value)}`;
  for (const key of Object.keys(value)) told[key] = described(value[key]);
  if (typeof value.getUnredacted === "function") {
    const whole = value.getUnredacted();
    told.unredacted = { url: whole.url, headers: whole.headers, same: typeof whole.getUnredacted };
  }
  return told;
}
export default {
  async tail(events, env, ctx) {
    if (!Array.isArray(events) || typeof ctx.waitUntil !== "function") throw new Error("no events");
    await fetch(env.SINK, { method: "POST", body: JSON.stringify(events.map(described)) });
  },
};
"#;
