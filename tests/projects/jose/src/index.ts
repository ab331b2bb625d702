import { EncryptJWT, SignJWT, base64url, errors, jwtDecrypt, jwtVerify } from "jose";

const secret = new TextEncoder().encode("a secret of thirty-two characters");
const key = base64url.decode("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8");
const ISSUER = "urn:example:issuer";

const sign = (subject: string) =>
  new SignJWT({ role: "author" })
    .setProtectedHeader({ alg: "HS256" })
    .setSubject(subject)
    .setIssuer(ISSUER)
    .setIssuedAt(1_700_000_000)
    .sign(secret);

async function verify(request: Request): Promise<Response> {
  const [, token = ""] = request.headers.get("authorization")?.split(" ") ?? [];
  try {
    const { payload, protectedHeader } = await jwtVerify(token, secret, { issuer: ISSUER });
    return Response.json({ payload, alg: protectedHeader.alg });
  } catch (error) {
    if (!(error instanceof errors.JOSEError)) throw error;
    return Response.json({ code: error.code }, { status: 401 });
  }
}

/** Encrypts and decrypts again: the text between is another one each time. */
async function secretRound(text: string): Promise<Response> {
  const token = await new EncryptJWT({ text })
    .setProtectedHeader({ alg: "dir", enc: "A256GCM" })
    .setIssuedAt()
    .setExpirationTime("1h")
    .encrypt(key);
  const { payload } = await jwtDecrypt(token, key);
  return Response.json({ parts: token.split(".").length, text: payload.text });
}

export default {
  async fetch(request: Request): Promise<Response> {
    const url = new URL(request.url);
    switch (url.pathname) {
      case "/token":
        return new Response(await sign(url.searchParams.get("for") ?? "nobody"));
      case "/verify":
        return verify(request);
      case "/secret":
        return secretRound(url.searchParams.get("text") ?? "");
      default:
        return new Response("not found", { status: 404 });
    }
  },
};
