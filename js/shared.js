// What the configuration sets and several scripts read.
const shared = {
  __proto__: null,
  env: null,
  colors: false,
  entrypoint: null,
  production: false,
  ctxExports: true,
  dupStubs: true,
  rpc: true,
  /** Whether `new WebSocket()` offers permessage-deflate. */
  deflate: true,
  /** Whether a WebSocket answers close frames for the Worker if nothing else is said. */
  answersClose: true,
  /** Whether a WebSocket gives bytes as a Blob if nothing else is said. */
  blobs: true,
  /** Whether what can be iterated is a body of its chunks. */
  iterables: true,
  /** Whether it is text all the same if it has a `toString()` of its own. */
  ownTexts: true,
  /** The compatibility flags as JSON. */
  flags: "{}",
  /** Bindings that only `ctx.exports` leads to: script and number of each. */
  hidden: [],
  /** What makes and sends mail for the `email` handler: script and number, or nothing. */
  mail: null,
  /** Whether no Durable Object may begin here any more. */
  endsObjects: false,
};

export { shared };
