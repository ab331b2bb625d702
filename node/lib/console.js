'use strict';
// `node:console`: the platform's console, and one over streams.
const global = require('internal/console/global');
const { Console } = require('internal/console/constructor');
const { ObjectAssign, ObjectKeys } = primordials;

const members = {};
for (const key of ObjectKeys(global)) members[key] = global[key];
module.exports = ObjectAssign(members, {
  Console,
  clear() {},
  context: (_name) => global,
  createTask: (_name) => ({ run: (callback) => callback() }),
  profile() {},
  profileEnd() {},
  timeStamp() {},
});
