'use strict';
// Numbers of asynchronous work: nobody can watch it here, but resources have them.
const { ReflectApply, Symbol } = primordials;

const async_id_symbol = Symbol('asyncId');
const owner_symbol = Symbol('owner');
let last = 1;
const newAsyncId = () => ++last;

module.exports = {
  defaultTriggerAsyncIdScope: (_id, callback, ...args) => ReflectApply(callback, null, args),
  emitInit() {},
  emitBefore() {},
  emitAfter() {},
  emitDestroy() {},
  enabledHooksExist: () => false,
  initHooksExist: () => false,
  destroyHooksExist: () => false,
  getDefaultTriggerAsyncId: () => 0,
  getOrSetAsyncId(object) {
    return object[async_id_symbol] ??= newAsyncId();
  },
  executionAsyncId: () => 0,
  triggerAsyncId: () => 0,
  newAsyncId,
  symbols: { async_id_symbol, owner_symbol, trigger_async_id_symbol: Symbol('triggerAsyncId') },
};
