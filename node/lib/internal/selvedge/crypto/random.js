'use strict';
// Random bytes and primes. None in the global scope, as with Web Crypto.
const { core, ops } = require('internal/selvedge/host');
const { MathMin, TypedArrayPrototypeSubarray } = primordials;
const { bytesOf, jobOf } = require('internal/selvedge/crypto/job');
const { crypto } = core.loadExtScript('ext:selvedge/crypto.js');
const { getRandomValues } = crypto;

/** As many bytes `getRandomValues()` gives at a time. */
const QUOTA = 65536;

function fill(bytes) {
  for (let at = 0; at < bytes.length; at += QUOTA) {
    primordials.ReflectApply(getRandomValues, crypto, [
      TypedArrayPrototypeSubarray(bytes, at, MathMin(at + QUOTA, bytes.length)),
    ]);
  }
}

/** Random numbers of the isolate's own count as random values, too. */
function checkScope() {
  fill(new primordials.Uint8Array(1));
}

module.exports = {
  checkScope,
  CheckPrimeJob: jobOf((candidate, checks) => ops.op_node_prime_check(bytesOf(candidate), checks)),
  RandomBytesJob: jobOf((buffer, offset, size) => {
    fill(TypedArrayPrototypeSubarray(bytesOf(buffer), offset, offset + size));
  }),
  RandomPrimeJob: jobOf((size, safe, add, rem) => {
    checkScope();
    const prime = ops.op_node_prime_new(size, safe, add === undefined ? null : bytesOf(add), rem === undefined ? null : bytesOf(rem));
    return prime.buffer;
  }),
  secureBuffer: (size) => new primordials.Uint8Array(size),
};
