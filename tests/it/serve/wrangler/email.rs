//! A binding that sends mail, deployed by wrangler.

use serde_json::json;

use super::project::Project;
use super::{DOMAIN, Wrangler};

const SOURCE: &str = "export default { async fetch(request: Request, env: any) {
  const to = new URL(request.url).searchParams.get('to');
  try {
    await env.EMAIL.send({ from: 'me@x.org', to, subject: 's', text: 't' });
    return new Response('sent');
  } catch (error: any) {
    return new Response(`${error.code}: ${error.message}`);
  }
} };";

#[test]
fn the_rules_of_a_sender_come_along() {
    let Some(wrangler) = Wrangler::start() else { return };
    let mut project = Project::new("mails", SOURCE);
    project.set(json!({
        "send_email": [{ "name": "EMAIL", "allowed_destination_addresses": ["a@x.org"] }],
    }));
    let said = wrangler.ok(&project, &["deploy"]);
    assert!(said.contains("env.EMAIL"), "{said}");
    let host = format!("mails.{DOMAIN}");
    let refused = "E_RECIPIENT_NOT_ALLOWED: email to b@x.org not allowed";
    assert_eq!(wrangler.text(&host, "/?to=b@x.org"), refused);
    let allowed = wrangler.text(&host, "/?to=a@x.org");
    assert!(allowed.starts_with("E_SENDER_DOMAIN_NOT_AVAILABLE: "), "{allowed}");
}
