'use strict';
// What exists by name only: there is no process, file or thread of the host to act on.
const { Error, ObjectDefineProperty } = primordials;

function notImplemented(what) {
  const error = new Error(`The ${what} method is not implemented`);
  error.code = 'ERR_METHOD_NOT_IMPLEMENTED';
  error.name = 'Error';
  return error;
}

/** A function that throws. */
function unsupported(module, name) {
  const what = `${module}.${name}`;
  const method = function() {
    throw notImplemented(what);
  };
  ObjectDefineProperty(method, 'name', { __proto__: null, value: name, configurable: true });
  return method;
}

/** A class that cannot be made. */
function unsupportedClass(module, name) {
  const Class = class {
    constructor() {
      throw notImplemented(`${module}.${name}`);
    }
  };
  ObjectDefineProperty(Class, 'name', { __proto__: null, value: name, configurable: true });
  return Class;
}

/** The members of a module that is there by name: functions, then classes. */
function stub(module, functions, classes = []) {
  const members = {};
  for (let i = 0; i < functions.length; i++) members[functions[i]] = unsupported(module, functions[i]);
  for (let i = 0; i < classes.length; i++) members[classes[i]] = unsupportedClass(module, classes[i]);
  return members;
}

module.exports = { notImplemented, stub, unsupported, unsupportedClass };
