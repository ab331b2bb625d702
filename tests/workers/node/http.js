import { handleAsNodeRequest, httpServerHandler } from "cloudflare:node";
import http from "node:http";
import https from "node:https";
import { text } from "node:stream/consumers";
import { equal, ok, same, throws } from "../assert.js";

export const a_server_answers = {
  async test() {
    const server = http.createServer(async (request, response) => {
      const body = await text(request);
      response.setHeader("x-one", "1");
      response.writeHead(201, { "content-type": "text/plain" });
      response.end(`${request.method} ${request.url} ${request.headers["x-in"]} ${body}`);
    });
    server.listen(8080);
    const { fetch } = httpServerHandler({ port: 8080 });
    const response = await fetch(new Request("http://x.y/path?q=1", { method: "POST", body: "content", headers: { "x-in": "in" } }));
    equal(response.status, 201);
    equal(response.headers.get("x-one"), "1");
    equal(response.headers.get("content-type"), "text/plain");
    equal(await response.text(), "POST /path?q=1 in content");
    server.close();
  },
};

export const an_answer_is_streamed = {
  async test() {
    const server = http.createServer((request, response) => {
      response.write("one ");
      setTimeout(() => {
        response.write("two ");
        response.end("three");
      }, 1);
    });
    server.listen(8081);
    const response = await handleAsNodeRequest(8081, new Request("http://x.y/"));
    equal(response.status, 200);
    equal(await response.text(), "one two three");
    server.close();
  },
};

export const headers_that_repeat = {
  async test() {
    const server = http.createServer((request, response) => {
      response.setHeader("set-cookie", ["a=1", "b=2"]);
      equal(response.getHeader("Set-Cookie").length, 2);
      ok(response.hasHeader("set-cookie"));
      response.statusCode = 204;
      response.end();
      throws(() => response.setHeader("late", "1"), Error);
    });
    server.listen(8082);
    const response = await handleAsNodeRequest(8082, new Request("http://x.y/"));
    equal(response.status, 204);
    same(response.headers.getSetCookie(), ["a=1", "b=2"]);
    server.close();
  },
};

export const what_http_has = {
  test() {
    equal(http.STATUS_CODES[404], "Not Found");
    ok(http.METHODS.includes("GET"));
    ok(new http.Agent() instanceof http.Agent && new https.Agent().protocol === "https:");
    throws(() => http.request({ protocol: "ftp:" }), TypeError);
    throws(() => http.validateHeaderName("bad name"), TypeError);
    const request = http.request("http://127.0.0.1:1/x", { method: "post" });
    request.on("error", () => {});
    equal(request.method, "POST");
    equal(request.path, "/x");
    equal(request.getHeader("host"), "127.0.0.1:1");
    request.destroy();
  },
};

export const a_body_is_read_by_events = {
  async test() {
    const server = http.createServer((request, response) => {
      let body = "";
      request.on("data", (chunk) => body += chunk);
      request.on("end", () => response.end(body.toUpperCase()));
    });
    server.listen(8083);
    const response = await handleAsNodeRequest(8083, new Request("http://x.y/", { method: "POST", body: "content" }));
    equal(await response.text(), "CONTENT");
    server.close();
  },
};
