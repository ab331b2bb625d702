// 1 MiB enciphered and deciphered with AES-256-GCM.
const bytes = new Uint8Array(1 << 20).fill(7);
const raw = new Uint8Array(32).fill(9);
const iv = new Uint8Array(12);
let key;
export default {
  async fetch() {
    key ??= await crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt", "decrypt"]);
    const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, bytes);
    const opened = await crypto.subtle.decrypt({ name: "AES-GCM", iv }, key, sealed);
    return new Response(`bytes ${opened.byteLength}`);
  },
};
