// What the configuration sets and several scripts read.
const shared = { __proto__: null, env: null, colors: false, entrypoint: null, production: false };

export { shared };
