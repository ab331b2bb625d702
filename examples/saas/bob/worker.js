// Another one. /spin computes for ever, or would.
export default {
  fetch(request) {
    if (new URL(request.url).pathname === "/spin") for (;;);
    return new Response("Bob's blog.\n");
  },
};
