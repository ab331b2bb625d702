'use strict';
// Aborting: the platform's classes.
const { core } = require('internal/selvedge/host');
const { Promise, WeakRef } = primordials;
const { AbortController, AbortSignal } = core.loadExtScript('ext:deno_web/03_abort_signal.js');
const { validateAbortSignal, validateObject, kValidateObjectAllowObjects } = require('internal/validators');

/** Settles when the signal is aborted, as long as the resource is there. */
async function aborted(signal, resource) {
  validateAbortSignal(signal, 'signal');
  validateObject(resource, 'resource', kValidateObjectAllowObjects);
  if (signal.aborted) return;
  const weak = new WeakRef(resource);
  await new Promise((resolve) => {
    signal.addEventListener('abort', () => {
      if (weak.deref() !== undefined) resolve();
    }, { once: true });
  });
}

module.exports = {
  AbortController,
  AbortSignal,
  aborted,
  transferableAbortController: () => new AbortController(),
  transferableAbortSignal: (signal) => signal,
};
