import { cloudflareContext } from "../../workers/context";

export function meta() {
  return [{ title: "New React Router App" }];
}

export function loader({ context }: any) {
  return { message: context.get(cloudflareContext).env.VALUE_FROM_CLOUDFLARE };
}

export default function Home({ loaderData }: any) {
  return <h1>{loaderData.message}</h1>;
}
