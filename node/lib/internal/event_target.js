'use strict';
// Events: the platform's classes.
const { core } = require('internal/selvedge/host');
const { FunctionPrototypeSymbolHasInstance, Symbol } = primordials;
const { CustomEvent, Event, EventTarget } = core.loadExtScript('ext:deno_web/02_event.js');

module.exports = {
  CustomEvent,
  Event,
  EventTarget,
  isEventTarget: (value) => FunctionPrototypeSymbolHasInstance(EventTarget, value),
  kEvents: Symbol('kEvents'),
  kResistStopPropagation: Symbol('kResistStopPropagation'),
  kWeakHandler: Symbol('kWeak'),
};
