'use strict';
// `node:v8`: the heap is the platform's business; values can be written and read.
const { core } = require('internal/selvedge/host');
const { stub } = require('internal/selvedge/unsupported');
const { Buffer } = require('buffer');
const zeros = (...keys) => () => Object.fromEntries(keys.map((key) => [key, 0]));
module.exports = {
  ...stub(
    'v8',
    ['getHeapSnapshot', 'queryObjects', 'setFlagsFromString', 'setHeapSnapshotNearHeapLimit', 'stopCoverage', 'takeCoverage', 'writeHeapSnapshot'],
    ['DefaultDeserializer', 'DefaultSerializer', 'Deserializer', 'GCProfiler', 'Serializer'],
  ),
  cachedDataVersionTag: () => 0,
  deserialize: (bytes) => core.deserialize(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)),
  getCppHeapStatistics: () => ({}),
  getHeapCodeStatistics: zeros('code_and_metadata_size', 'bytecode_and_metadata_size', 'external_script_source_size', 'cpu_profiler_metadata_size'),
  getHeapSpaceStatistics: () => [],
  getHeapStatistics: zeros(
    'total_heap_size', 'total_heap_size_executable', 'total_physical_size', 'total_available_size', 'used_heap_size', 'heap_size_limit',
    'malloced_memory', 'peak_malloced_memory', 'does_zap_garbage', 'number_of_native_contexts', 'number_of_detached_contexts',
    'total_global_handles_size', 'used_global_handles_size', 'external_memory',
  ),
  isStringOneByteRepresentation: (text) => !/[^\x00-\xff]/.test(text),
  promiseHooks: stub('v8.promiseHooks', ['createHook', 'onAfter', 'onBefore', 'onInit', 'onSettled']),
  serialize: (value) => Buffer.from(core.serialize(value)),
  startupSnapshot: stub('v8.startupSnapshot', ['addDeserializeCallback', 'addSerializeCallback', 'setDeserializeMainFunction']),
};
module.exports.startupSnapshot.isBuildingSnapshot = () => false;
