// Buffers and views as bytes. Scripts that load later have it as `internals.viewOf`.
import { core, primordials } from "ext:selvedge/core.js";

const {
  ArrayBufferIsView,
  DataViewPrototypeGetBuffer,
  DataViewPrototypeGetByteLength,
  DataViewPrototypeGetByteOffset,
  TypedArrayPrototypeGetBuffer,
  TypedArrayPrototypeGetByteLength,
  TypedArrayPrototypeGetByteOffset,
  TypedArrayPrototypeGetSymbolToStringTag,
  Uint8Array,
} = primordials;

/** The bytes of a buffer or view, not copied; null when it is neither. */
function viewOf(value) {
  if (!ArrayBufferIsView(value)) return core.isAnyArrayBuffer(value) ? new Uint8Array(value) : null;
  const tag = TypedArrayPrototypeGetSymbolToStringTag(value);
  if (tag === "Uint8Array") return value;
  if (tag === undefined) {
    return new Uint8Array(
      DataViewPrototypeGetBuffer(value),
      DataViewPrototypeGetByteOffset(value),
      DataViewPrototypeGetByteLength(value),
    );
  }
  return new Uint8Array(
    TypedArrayPrototypeGetBuffer(value),
    TypedArrayPrototypeGetByteOffset(value),
    TypedArrayPrototypeGetByteLength(value),
  );
}

export { viewOf };
