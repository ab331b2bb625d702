// The module `cloudflare:workers`.
(function () {
const { internals } = __bootstrap;
return internals.cloudflareWorkers();
})();
