// `immutable_api_prototypes`: nobody sets the prototype of a class's objects.
(function () {
const { core } = __bootstrap;

return { apply: () => core.lockPrototypes() };
})();
