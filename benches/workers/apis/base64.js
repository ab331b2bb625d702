// 192 KiB of bytes as base64 and back.
const text = String.fromCharCode(...Array.from({ length: 1 << 12 }, (_, i) => i & 255)).repeat(48);
export default {
  fetch() {
    return new Response(`same ${atob(btoa(text)) === text}`);
  },
};
