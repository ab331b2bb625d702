// Promises that follow promises. The language does that by calling `then`, which
// a Worker can replace; here it happens by the built-in one, after as many
// microtasks.
(function () {
const { core, primordials } = __bootstrap;
const {
  ObjectGetPrototypeOf,
  ObjectHasOwn,
  Promise,
  PromisePrototype,
  PromisePrototypeThen,
  PromiseResolve,
} = primordials;

/** Whether it is a promise with no `then` of its own. */
function isPlainPromise(value) {
  return core.isPromise(value) && ObjectGetPrototypeOf(value) === PromisePrototype &&
    !ObjectHasOwn(value, "then");
}

/** Settles with a value, or as a plain promise does. */
function follow(value, resolve, reject) {
  if (!isPlainPromise(value)) {
    resolve(value);
    return;
  }
  PromisePrototypeThen(PromiseResolve(undefined), () => {
    PromisePrototypeThen(value, resolve, reject);
  });
}

/** `promise.then(..)` with handlers that return promises. */
function chain(promise, onFulfilled, onRejected = undefined) {
  return new Promise((resolve, reject) => {
    const settle = (handler, value) => {
      let result;
      try {
        result = handler(value);
      } catch (error) {
        reject(error);
        return;
      }
      follow(result, resolve, reject);
    };
    PromisePrototypeThen(
      promise,
      (value) => settle(onFulfilled, value),
      onRejected === undefined ? reject : (error) => settle(onRejected, error),
    );
  });
}

/** Calls both functions and waits for both; rejects with the first error. */
function both(first, second) {
  return new Promise((resolve, reject) => {
    let waiting = 2;
    const done = () => {
      if (--waiting === 0) resolve(undefined);
    };
    PromisePrototypeThen(first(), done, reject);
    PromisePrototypeThen(second(), done, reject);
  });
}

return { both, chain, follow };
})();
