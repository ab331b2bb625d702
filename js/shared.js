// What the configuration sets and several scripts read.
const shared = { __proto__: null, env: null, colors: false, production: false };

export { shared };
