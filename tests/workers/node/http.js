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

export const an_answer_that_is_all_there_has_its_length = {
  async test() {
    const server = http.createServer((request, response) => {
      if (request.url === "/empty") response.end();
      else if (request.url === "/own") response.writeHead(200, { "content-length": "3" }).end("own");
      else if (request.url === "/none") response.writeHead(204).end();
      else response.end("h\u00e9");
    });
    server.listen(8085);
    const lengths = [];
    for (const path of ["/", "/empty", "/own", "/none"]) {
      const response = await handleAsNodeRequest(8085, new Request(`http://x.y${path}`));
      lengths.push(response.headers.get("content-length"));
      await response.arrayBuffer();
    }
    same(lengths, ["3", "0", "3", null]);
    server.close();
  },
};

export const a_request_tells_who_asks = {
  async test() {
    const server = http.createServer((request, response) => response.end(request.socket.remoteAddress));
    server.listen(8086);
    const response = await handleAsNodeRequest(8086, new Request("http://x.y/"));
    equal(await response.text(), "127.0.0.1");
    server.close();
  },
};

export const a_request_tells_that_it_has_a_body = {
  async test() {
    const told = (request) => request.headers["content-length"] ?? request.headers["transfer-encoding"] ?? "nothing";
    const server = http.createServer((request, response) => response.end(told(request)));
    server.listen(8087);
    const answers = [];
    for (const init of [{}, { method: "POST", body: "b" }, { method: "POST", body: "b", headers: { "content-length": "1" } }]) {
      const response = await handleAsNodeRequest(8087, new Request("http://x.y/", init));
      answers.push(await response.text());
    }
    same(answers, ["nothing", "chunked", "1"]);
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
