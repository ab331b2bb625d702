import { Form, redirect } from "react-router";
import { cloudflareContext } from "../../workers/context";

export async function action({ request, context }: any) {
  const form = await request.formData();
  await context.get(cloudflareContext).env.NOTES.put("note", String(form.get("text")));
  return redirect("/notes");
}

export async function loader({ context }: any) {
  return { note: await context.get(cloudflareContext).env.NOTES.get("note") };
}

export default function Notes({ loaderData }: any) {
  return (
    <Form method="post">
      <p>Note: {loaderData.note ?? "none"}</p>
      <input name="text" />
    </Form>
  );
}
