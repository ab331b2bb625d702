exports.load = function () {
  return arguments.length === 0 ? require() : require(arguments[0]);
};
exports.about = {
  keys: Object.keys(module),
  path: module.path,
  filename: __filename,
  dirname: __dirname,
  isGlobal: this === globalThis,
  require: [require.name, require.length],
};
exports.default = 3;
