// The least a Worker can do: what is left is the runtime's own cost per request.
export default {
  fetch() {
    return new Response("Hello, world!");
  },
};
