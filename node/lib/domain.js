'use strict';
// `node:domain`: of old programs; a domain only runs what it is given.
const EventEmitter = require('events');
const { ReflectApply } = primordials;

class Domain extends EventEmitter {
  members = [];

  add(emitter) {
    this.members.push(emitter);
    emitter.on?.('error', (error) => this.emit('error', error));
  }

  remove(emitter) {
    this.members = this.members.filter((member) => member !== emitter);
  }

  run(callback, ...args) {
    try {
      return ReflectApply(callback, this, args);
    } catch (error) {
      if (this.listenerCount('error') === 0) throw error;
      this.emit('error', error);
      return undefined;
    }
  }

  bind(callback) {
    return (...args) => this.run(callback, ...args);
  }

  intercept(callback) {
    return (error, ...args) => error ? this.emit('error', error) : this.run(callback, ...args);
  }

  enter() {}
  exit() {}
  dispose() {}
}

const create = () => new Domain();
module.exports = { Domain, active: null, create, createDomain: create };
