'use strict';
const { Symbol } = primordials;
const names = [
  'async_id_symbol', 'handle_onclose_symbol', 'owner_symbol', 'messaging_deserialize_symbol', 'messaging_transfer_symbol',
  'messaging_clone_symbol', 'messaging_transfer_list_symbol', 'resource_symbol', 'trigger_async_id_symbol', 'no_message_symbol',
  'vm_dynamic_import_default_internal', 'vm_dynamic_import_main_context_default',
];
for (let i = 0; i < names.length; i++) exports[names[i]] = Symbol(names[i]);
const hooks = require('internal/async_hooks').symbols;
exports.async_id_symbol = hooks.async_id_symbol;
exports.owner_symbol = hooks.owner_symbol;
exports.handle_onclose = exports.handle_onclose_symbol;
