//! Changes to what is transferred between contexts, and to transforms of the
//! platform's own.

use super::{COMPRESSION, ENCODING, PORT, Patch, each, once};

/// In the order in which they are made.
pub(super) const PATCHES: &[Patch] = &[
    // ----- Transferring: buffers are copied by the serializer, and then detached. -----
    once(
        PORT,
        "  const options = {\n    hostObjects,\n    transferredArrayBuffers,\n  };\n\n  const serializedData",
        "  checkTransfer(transferables);\n  const options = { __proto__: null, hostObjects };\n  \
         const serializedData",
    ),
    once(
        PORT,
        r#"      ArrayPrototypePush(serializedTransferables, {
        kind: "arrayBuffer",
        data: transferredArrayBuffers[arrayBufferI],
      });
      arrayBufferI++;
"#,
        "      detach(transferable);\n",
    ),
    once(PORT, "  let arrayBufferI = 0;\n", ""),
    once(
        PORT,
        "const serializeErrorCb = (err) => {",
        "const { checkTransfer, detach } = core.loadExtScript(\"ext:selvedge/transfer.js\");\n\
         const serializeErrorCb = (err) => {",
    ),
    // ----- Transforms of the platform's own. -----
    once(
        COMPRESSION,
        "const { TransformStream } = core",
        "const { sidesOf, transformStreamDefaultControllerEnqueue, TransformStream } = core",
    ),
    once(
        COMPRESSION,
        "    controller.enqueue(output);",
        "    transformStreamDefaultControllerEnqueue(controller, output);",
    ),
    once(
        COMPRESSION,
        "class CompressionStream {\n  #transform;\n",
        "let sidesOfCompression;\nclass CompressionStream {\n  #transform;\n  \
         static {\n    sidesOfCompression = (stream) => sidesOf(stream.#transform);\n  }\n",
    ),
    once(
        COMPRESSION,
        "return { CompressionStream,",
        "return { sidesOfCompression, CompressionStream,",
    ),
    each(
        2,
        COMPRESSION,
        "return this.#transform.readable;",
        "return sidesOf(this.#transform).readable;",
    ),
    each(
        2,
        COMPRESSION,
        "return this.#transform.writable;",
        "return sidesOf(this.#transform).writable;",
    ),
    each(
        2,
        COMPRESSION,
        "new TransformStream({\n",
        "new TransformStream({\n      __proto__: null,\n",
    ),
    each(
        2,
        ENCODING,
        "return this.#transform.readable;",
        "return streams().sidesOf(this.#transform).readable;",
    ),
    each(
        2,
        ENCODING,
        "return this.#transform.writable;",
        "return streams().sidesOf(this.#transform).writable;",
    ),
    // (It takes the global class otherwise, whoever put it there.)
    once(
        ENCODING,
        "class TextDecoder {\n",
        "let loaded;\nconst streams = () => loaded ??= core.loadExtScript(\"ext:deno_web/06_streams.js\");\n\n\
         class TextDecoder {\n",
    ),
    each(
        2,
        ENCODING,
        "new TransformStream({\n",
        "new (streams().TransformStream)({\n      __proto__: null,\n",
    ),
    each(
        4,
        ENCODING,
        "controller.enqueue(",
        "streams().transformStreamDefaultControllerEnqueue(controller, ",
    ),
];
