// Reads a few of the many headers that a browser behind proxies sends, and sets
// the twenty that a hardened site answers with.
export default {
  fetch(request) {
    const asked = request.headers;
    const language = asked.get("accept-language");
    const agent = asked.get("user-agent");
    const trace = asked.get("x-request-id");
    const session = asked.get("cookie").length;
    const absent = asked.has("authorization");

    const headers = new Headers();
    headers.set("content-type", "text/plain; charset=utf-8");
    headers.set("cache-control", "public, max-age=60, stale-while-revalidate=600");
    headers.set("etag", '"5d41402abc4b2a76b9719d911017c592"');
    headers.set("last-modified", "Sat, 01 Aug 2026 00:00:00 GMT");
    headers.set("expires", "Sun, 02 Aug 2026 00:00:00 GMT");
    headers.set("content-language", language.slice(0, 2));
    headers.set("vary", "accept, accept-encoding, accept-language");
    headers.set("strict-transport-security", "max-age=63072000; includeSubDomains; preload");
    headers.set("content-security-policy", "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'");
    headers.set("permissions-policy", "camera=(), geolocation=(), microphone=()");
    headers.set("referrer-policy", "strict-origin-when-cross-origin");
    headers.set("x-content-type-options", "nosniff");
    headers.set("x-frame-options", "DENY");
    headers.set("cross-origin-opener-policy", "same-origin");
    headers.set("cross-origin-embedder-policy", "require-corp");
    headers.set("cross-origin-resource-policy", "same-origin");
    headers.set("server-timing", "edge;dur=1, origin;dur=0");
    headers.set("x-request-id", trace);
    headers.set("x-agent", agent.slice(0, 32));
    headers.set("x-session-bytes", String(session));
    return new Response(absent ? "authorized" : "anonymous", { headers });
  },
};
