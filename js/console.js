// `console`: what people know from Node and Deno, to the log of the Worker.
(function () {
const { core, internals, primordials } = __bootstrap;
const { op_console_emit } = core.ops;
const { StringPrototypeEndsWith, StringPrototypeSlice } = primordials;
const { Console, setNoColorFns } = core.loadExtScript("ext:deno_web/01_console.js");

const shared = internals.shared;
const noColor = () => !shared.colors;
setNoColorFns(noColor, noColor);

// The levels of deno_web's Console are 0 debug, 1 log and info, 2 warn, 3 error.
const console = new Console((message, level) => {
  op_console_emit(
    level,
    StringPrototypeEndsWith(message, "\n") ? StringPrototypeSlice(message, 0, -1) : message,
  );
});

return { console };
})();
