//! Exceptions as workerd gives them: programs compare their texts.

use super::{COMPRESSION, ENCODING, EVENT, Patch, each, once};

const URL: &str = "ext:deno_web/00_url.js";
const BASE64: &str = "ext:deno_web/05_base64.js";

pub(crate) const TEXTS: &[Patch] = &[
    once(
        URL,
        "      `Invalid URL: '${href}'` +\n        (maybeBase ? ` with base '${maybeBase}'` : \"\"),\n",
        "      \"Invalid URL string.\",\n",
    ),
    once(
        BASE64,
        "    return op_base64_atob(data);\n  } catch (e) {\n",
        "    return op_base64_atob(data);\n  } catch (e) {\n    throw new DOMException(\n      \
         \"atob() called with invalid base64-encoded data. (Only whitespace, '+', '/', alphanumeric \
         ASCII, and up to two terminal '=' signs when the input data length is divisible by 4 are \
         allowed.)\",\n      \"InvalidCharacterError\",\n    );\n",
    ),
    once(
        BASE64,
        "    return op_base64_btoa(data);\n  } catch (e) {\n",
        "    return op_base64_btoa(data);\n  } catch (e) {\n    throw new DOMException(\n      \
         \"btoa() can only operate on characters in the Latin1 (ISO/IEC 8859-1) range.\",\n      \
         \"InvalidCharacterError\",\n    );\n",
    ),
    once(
        ENCODING,
        "        encoding = op_encoding_normalize_label(label);\n      } catch (err) {\n",
        "        encoding = op_encoding_normalize_label(label);\n      } catch {\n        \
         const err = new primordials.RangeError(`\"${label}\" is not a valid encoding.`);\n",
    ),
    once(
        ENCODING,
        "      return op_encoding_decode(input, this.#handle, stream);\n    } finally {\n",
        "      return op_encoding_decode(input, this.#handle, stream);\n    } catch (error) {\n      \
         throw this.#fatal ? new primordials.TypeError(\"Failed to decode input.\") : error;\n    \
         } finally {\n",
    ),
    each(
        2,
        COMPRESSION,
        "    format = webidl.converters.CompressionFormat(format, prefix, \"Argument 1\");\n",
        "    format = `${format}`;\n    if (format !== \"gzip\" && format !== \"deflate\" && format !== \
         \"deflate-raw\" && format !== \"brotli\") {\n      throw new \
         primordials.TypeError(\"The compression format must be either 'deflate', 'deflate-raw' or \
         'gzip'.\");\n    }\n    format = webidl.converters.CompressionFormat(format, prefix, \
         \"Argument 1\");\n",
    ),
    once(
        EVENT,
        "    // This is an optimization to avoid creating an event listener\n",
        "    if (!primordials.ObjectPrototypeIsPrototypeOf(EventPrototype, event)) {\n      throw new \
         primordials.TypeError(\n        \"Failed to execute 'dispatchEvent' on 'EventTarget': parameter 1 \
         is not of type 'Event'.\",\n      );\n    }\n\n    // This is an optimization to avoid creating \
         an event listener\n",
    ),
];
