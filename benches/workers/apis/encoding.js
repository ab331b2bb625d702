// 256 KiB of text to UTF-8 and back, ASCII and not.
const ascii = "The quick brown fox jumps over the lazy dog. ".repeat(2900);
const other = "Zw\u00f6lf Boxk\u00e4mpfer jagen Viktor quer \u00fcber den gro\u00dfen Sylter Deich. ".repeat(1900);
const encoder = new TextEncoder();
const decoder = new TextDecoder();
export default {
  fetch() {
    const same = decoder.decode(encoder.encode(ascii)) === ascii && decoder.decode(encoder.encode(other)) === other;
    return new Response(`same ${same}`);
  },
};
