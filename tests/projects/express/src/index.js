import { createHash } from "node:crypto";
import { httpServerHandler } from "cloudflare:node";
import express from "express";

const app = express();
app.use(express.json());
app.use((request, response, next) => {
  response.setHeader("x-seen", request.method);
  next();
});
app.get("/hello/:name", (request, response) => response.json({ hello: request.params.name, q: request.query.q }));
app.post("/hash", (request, response) => {
  response.type("text").send(createHash("sha256").update(request.body.text).digest("hex"));
});
app.get("/broken", () => {
  throw Object.assign(new Error("teapot"), { status: 418 });
});
app.use((error, request, response, next) => response.status(error.status ?? 500).send(error.message));

app.listen(3000);
export default httpServerHandler({ port: 3000 });
