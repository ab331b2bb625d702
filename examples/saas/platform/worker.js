// Takes all requests, and sends each to the customer whose name its path begins with.
export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    const [, customer, ...rest] = url.pathname.split("/");
    if (customer === "") return new Response("Whose site?\n", { status: 404 });
    url.pathname = `/${rest.join("/")}`;
    try {
      const worker = env.CUSTOMERS.get(customer, {}, {
        limits: { cpuMs: 100, subRequests: 5 },
        outbound: { customer },
      });
      return await worker.fetch(new Request(url, request));
    } catch (error) {
      if (error.message.startsWith("Worker not found")) {
        return new Response(`There is no customer ${customer}.\n`, { status: 404 });
      }
      return new Response(`The site of ${customer} failed: ${error.message}\n`, { status: 502 });
    }
  },
};
