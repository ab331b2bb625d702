//! `selvedge accounts`.

use selvedge_client::models::AccountInfo;
use serde_json::json;

use super::args::{AccountsCommand, LocalArgs};
use super::local::{self, Admin};
use super::output::{must_confirm, print, print_json, say, table, time};

pub(super) async fn run(command: AccountsCommand) -> anyhow::Result<()> {
    match command {
        AccountsCommand::Create { name, subdomain, json, local } => {
            create(&name, subdomain.as_deref(), json, &local).await
        }
        AccountsCommand::List { json, local } => list(json, &local).await,
        AccountsCommand::Delete { id, force, local } => delete(&id, force, &local).await,
    }
}

async fn create(
    name: &str,
    subdomain: Option<&str>,
    json: bool,
    args: &LocalArgs,
) -> anyhow::Result<()> {
    let account = match Admin::of(args)? {
        Admin::Folder(store, _) => local::create_account(&store, name, subdomain)?,
        Admin::Api(remote) => {
            let mut body = json!({ "name": name });
            if let Some(subdomain) = subdomain {
                body["subdomain"] = subdomain.into();
            }
            let made = remote.client.post("/accounts").json(&body).send::<AccountInfo>().await;
            made.map_err(|error| remote.explain(error))?
        }
    };
    if json {
        return print_json(&account);
    }
    say(&format!("Created the account \"{name}\"."));
    print(account.id)
}

async fn list(json: bool, args: &LocalArgs) -> anyhow::Result<()> {
    let accounts = match Admin::of(args)? {
        Admin::Folder(store, _) => local::accounts(&store)?,
        Admin::Api(remote) => {
            remote.client.accounts().await.map_err(|error| remote.explain(error))?
        }
    };
    if json {
        return print_json(&accounts);
    }
    let mut rows = vec![["Name", "ID", "Subdomain", "Created"].map(str::to_owned).to_vec()];
    rows.extend(accounts.into_iter().map(|account| {
        vec![
            account.name,
            account.id,
            account.subdomain.unwrap_or_else(|| "-".to_owned()),
            account.created_on.as_deref().map_or_else(|| "-".to_owned(), time),
        ]
    }));
    print(table(&rows).trim_end())
}

async fn delete(id: &str, force: bool, args: &LocalArgs) -> anyhow::Result<()> {
    let admin = Admin::of(args)?;
    let remote = admin.api()?;
    let question =
        format!("Delete the account {id} with its Workers and data? This cannot be undone.");
    must_confirm(&question, force, "--force")?;
    let call = remote.client.delete(format!("/accounts/{id}")).query("force", force);
    call.done().await.map_err(|error| remote.explain(error))?;
    say(&format!("Deleted the account {id}."));
    Ok(())
}
