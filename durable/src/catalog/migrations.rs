//! `migrations`: the steps that were not taken yet, in their order.

use std::collections::BTreeMap;

use super::session::Session;
use super::{ApplyError, Origin, Strictness};
use crate::config::{Change, existing, missing};
use crate::config::{Lifecycle, Migration, Misfit, Place, Rename, Storage, Transfer};

/// Whether a step is known to be new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    First,
    /// The migration that was applied last is not among them any more, so all
    /// are gone through again, and what stands already stays.
    Again,
}

impl Session<'_> {
    /// Takes all migrations after the one that was applied last.
    pub(super) fn migrate(&mut self, migrations: &[Migration]) -> Result<(), ApplyError> {
        let classes = Lifecycle::Migrations(migrations.to_vec()).classes()?;
        let Some(last) = migrations.last() else { return Ok(()) };
        let (from, turn) = match self.tag()? {
            None => (0, Turn::First),
            Some(tag) => match migrations.iter().position(|migration| migration.tag == tag) {
                Some(index) => (index + 1, Turn::First),
                None => {
                    self.notes.push(format!(
                        "the last migration of \"{}\" that was applied has the tag \"{tag}\", which \
                         is not in `migrations`: all migrations are gone through again, and classes \
                         that are there keep their objects",
                        self.script
                    ));
                    (0, Turn::Again)
                }
            },
        };
        for (index, migration) in migrations.iter().enumerate().skip(from) {
            for (place, change) in migration.changes(index) {
                match turn {
                    Turn::First => self.change(&place, change)?,
                    Turn::Again => self.change_again(&place, change, &classes)?,
                }
            }
        }
        if from < migrations.len() {
            self.set_tag(&last.tag)?;
        }
        if self.strictness == Strictness::Local {
            self.follow_storage(&classes)?;
        }
        Ok(())
    }

    fn change(&mut self, place: &Place, change: Change<'_>) -> Result<(), ApplyError> {
        let refused = |message: String| Err(Misfit::new(place.clone(), message).into());
        match change {
            Change::New(class, storage) => match self.find(self.script, class)? {
                None => Ok(self.insert(self.script, class, storage, Origin::Declared)?),
                Some(info) if info.origin != Origin::Declared => {
                    Ok(self.declare(&info.id, storage, Origin::Declared)?)
                }
                Some(_) => refused(format!(
                    "Cannot apply new-class migration to class '{class}' that is already depended \
                     on by existing Durable Objects."
                )),
            },
            Change::Delete(class) => match self.find(self.script, class)? {
                Some(info) => Ok(self.remove(&info.id)?),
                // Here what is to be gone is gone.
                None if self.strictness == Strictness::Local => Ok(()),
                None => refused(format!(
                    "Cannot apply delete-class migration to class '{class}' which was not exported \
                     in the previous version of the script"
                )),
            },
            Change::Rename(Rename { from, to }) => match self.find(self.script, from)? {
                Some(info) => {
                    self.move_to(&info, self.script, to, place, || existing("renamed_classes", to))
                }
                None => refused(missing("renamed_classes", from)),
            },
            Change::Transfer(transfer) => self.transfer(place, transfer),
        }
    }

    fn transfer(&mut self, place: &Place, transfer: &Transfer) -> Result<(), ApplyError> {
        let Transfer { from, from_script, to } = transfer;
        if let Some(info) = self.find(from_script, from)? {
            return self
                .move_to(&info, self.script, to, place, || existing("transferred_classes", to));
        }
        if self.strictness == Strictness::Strict {
            let message = missing("transferred_classes", from);
            return Err(Misfit::new(place.clone(), message)
                .with_hint(format!("the Worker \"{from_script}\" has no class of this name"))
                .into());
        }
        if self.find(self.script, to)?.is_none() {
            self.notes.push(format!(
                "the Worker \"{from_script}\" never ran here with a class \"{from}\": the class \
                 \"{to}\" begins without objects"
            ));
            self.insert(self.script, to, Storage::Sqlite, Origin::Declared)?;
        }
        Ok(())
    }

    /// A step that may have been taken: only what does not lead away from the
    /// classes that there are in the end.
    fn change_again(
        &mut self,
        place: &Place,
        change: Change<'_>,
        classes: &BTreeMap<String, Option<Storage>>,
    ) -> Result<(), ApplyError> {
        let is_in_the_end = |class: &str| classes.contains_key(class);
        let is_there = |class: &str| Ok::<_, ApplyError>(self.find(self.script, class)?.is_some());
        match change {
            Change::New(class, _) if is_there(class)? || !is_in_the_end(class) => Ok(()),
            Change::Delete(class) if is_in_the_end(class) || !is_there(class)? => Ok(()),
            Change::Rename(Rename { from, to })
                if is_in_the_end(from) || is_there(to)? || !is_there(from)? =>
            {
                Ok(())
            }
            Change::Transfer(Transfer { to, .. }) if is_there(to)? => Ok(()),
            change => self.change(place, change),
        }
    }

    /// On the developer's machine a class may become one with `storage.sql`, or
    /// stop being one, by a change of its step: the files are the same.
    fn follow_storage(
        &self,
        classes: &BTreeMap<String, Option<Storage>>,
    ) -> Result<(), ApplyError> {
        for (class, storage) in classes {
            let (Some(storage), Some(info)) = (storage, self.find(self.script, class)?) else {
                continue;
            };
            if info.storage != *storage {
                self.declare(&info.id, *storage, info.origin)?;
            }
        }
        Ok(())
    }
}
