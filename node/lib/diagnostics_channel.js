'use strict';
// `node:diagnostics_channel`: Node's. Those who follow an event are told what its code
// publishes, whether anybody subscribed to it or not.
const base = require('overridden/diagnostics_channel');
const { core, isOff, ops } = require('internal/selvedge/host');
const { JSONStringify, ObjectDefineProperty, ObjectGetPrototypeOf, ReflectApply, String, Symbol } = primordials;
const { op_console_is_followed, op_diagnostics_publish } = ops;
const { Channel, channel, tracingChannel } = base;

const NOT_SERIALIZABLE = '[[ Diagnostic event was not serializable ]]';
const FOR_STORAGE = { __proto__: null, forStorage: true };

function tell(name, data) {
  if (!op_console_is_followed()) return;
  let message = data;
  let bytes;
  try {
    bytes = core.serialize(message, FOR_STORAGE, (text) => { throw text; });
  } catch {
    message = NOT_SERIALIZABLE;
    bytes = core.serialize(message, FOR_STORAGE);
  }
  let json;
  try {
    json = JSONStringify(message) ?? 'null';
  } catch {
    json = '{}';
  }
  op_diagnostics_publish(String(name), json, bytes);
}

function replace(prototype, method, make) {
  const plain = prototype[method];
  const own = make(plain);
  ObjectDefineProperty(own, 'name', { __proto__: null, value: method, configurable: true });
  ObjectDefineProperty(own, 'length', { __proto__: null, value: plain.length, configurable: true });
  ObjectDefineProperty(prototype, method, {
    __proto__: null,
    value: own,
    writable: true,
    enumerable: false,
    configurable: true,
  });
}

const publishes = (plain) =>
  function(data) {
    tell(this.name, data);
    return ReflectApply(plain, this, [data]);
  };
const nobody = () => {};
// A channel has another prototype while somebody is subscribed.
const some = channel(Symbol('some'));
some.subscribe(nobody);
replace(ObjectGetPrototypeOf(some), 'publish', publishes);
some.unsubscribe(nobody);
replace(Channel.prototype, 'publish', publishes);
replace(Channel.prototype, 'runStores', (plain) =>
  function(data) {
    tell(this.name, data);
    return ReflectApply(plain, this, arguments);
  });

const tracing = ObjectGetPrototypeOf(tracingChannel({
  __proto__: null,
  start: some,
  end: some,
  asyncStart: some,
  asyncEnd: some,
  error: some,
}));
for (const method of ['traceSync', 'tracePromise', 'traceCallback']) {
  replace(tracing, method, (plain) =>
    function() {
      // (A method of this name is always true: so Node publishes anyway.)
      if (this.hasSubscribers || !op_console_is_followed()) return ReflectApply(plain, this, arguments);
      // Without subscribers Node publishes nothing.
      const { start } = this;
      start.subscribe(nobody);
      try {
        return ReflectApply(plain, this, arguments);
      } finally {
        start.unsubscribe(nobody);
      }
    });
}

if (isOff('diagnostics_channel_has_subscribers_getter')) {
  // What tells whether somebody is subscribed was a method.
  const asMethod = (prototype, value) =>
    ObjectDefineProperty(prototype, 'hasSubscribers', {
      __proto__: null,
      value,
      writable: true,
      enumerable: false,
      configurable: true,
    });
  some.subscribe(nobody);
  asMethod(ObjectGetPrototypeOf(some), function hasSubscribers() {
    return true;
  });
  some.unsubscribe(nobody);
  asMethod(Channel.prototype, function hasSubscribers() {
    return false;
  });
  asMethod(tracing, function hasSubscribers() {
    const { start, end, asyncStart, asyncEnd, error } = this;
    return start.hasSubscribers() || end.hasSubscribers() || asyncStart.hasSubscribers() ||
      asyncEnd.hasSubscribers() || error.hasSubscribers();
  });
  const { hasSubscribers } = base;
  base.hasSubscribers = (name) => {
    const found = hasSubscribers(name);
    return found !== false && found();
  };
}

module.exports = base;
