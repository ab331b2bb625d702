// Rust compiled to WebAssembly, with the JavaScript that wasm-bindgen makes beside it: one package
// whose module the Worker hands over, one that imports its own.
import { PhotonImage, resize, SamplingFilter } from "@cf-wasm/photon/workerd";
import { initWasm, Resvg } from "@resvg/resvg-wasm";
import resvg from "@resvg/resvg-wasm/index_bg.wasm";

const SVG = `<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20">
  <rect width="40" height="20" fill="teal"/><circle cx="20" cy="10" r="8" fill="white"/>
</svg>`;

let ready: Promise<void> | undefined;

async function png(): Promise<Uint8Array> {
  await (ready ??= initWasm(resvg));
  const drawing = new Resvg(SVG, { fitTo: { mode: "width", value: 80 } });
  return drawing.render().asPng();
}

export default {
  async fetch(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    const image = await png();
    if (pathname === "/image.png") return new Response(image, { headers: { "content-type": "image/png" } });
    if (pathname === "/broken") {
      try {
        new Resvg("<svg");
      } catch (error) {
        return Response.json({ error: String(error).length > 0 });
      }
    }
    const input = PhotonImage.new_from_byteslice(image);
    const output = resize(input, 16, 8, SamplingFilter.Nearest);
    const pixels = output.get_raw_pixels();
    const answer = {
      from: [input.get_width(), input.get_height()],
      to: [output.get_width(), output.get_height()],
      corner: [...pixels.slice(0, 4)],
      webp: new TextDecoder().decode(output.get_bytes_webp().slice(8, 12)),
    };
    input.free();
    output.free();
    return Response.json(answer);
  },
};
