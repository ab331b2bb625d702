//! `exports`: what there should be, compared with what there is.

use std::collections::BTreeMap;

use super::session::Session;
use super::{ApplyError, Origin, Strictness};
use crate::config::{Export, Misfit, Place, Storage};

impl Session<'_> {
    /// Makes the Worker's namespaces what `exports` tells: first what ends or
    /// moves, then what is there.
    pub(super) fn reconcile(
        &mut self,
        exports: &BTreeMap<String, Export>,
    ) -> Result<(), ApplyError> {
        for (class, export) in exports {
            let place = Place::of("exports").key(class);
            match export {
                Export::Deleted => {
                    if let Some(info) = self.find(self.script, class)? {
                        self.remove(&info.id)?;
                    }
                }
                Export::Renamed { to } => {
                    if let Some(info) = self.find(self.script, class)? {
                        let place = place.key("renamed_to");
                        self.move_to(&info, self.script, to, &place, || {
                            format!("the class \"{class}\" cannot be renamed to \"{to}\"")
                        })?;
                    }
                }
                Export::Transferred { to } => self.hand_over(class, to, &place)?,
                Export::Created { .. } | Export::ExpectingTransfer { .. } => {}
            }
        }
        for (class, export) in exports {
            let place = Place::of("exports").key(class);
            match export {
                Export::Created { storage } => self.create(class, *storage, &place)?,
                Export::ExpectingTransfer { from, storage } => {
                    self.expect(class, from, *storage, &place)?;
                }
                Export::Deleted | Export::Renamed { .. } | Export::Transferred { .. } => {}
            }
        }
        self.check_all_are_named(exports)
    }

    fn create(&self, class: &str, storage: Storage, place: &Place) -> Result<(), ApplyError> {
        let Some(info) = self.find(self.script, class)? else {
            return Ok(self.insert(self.script, class, storage, Origin::Declared)?);
        };
        let is_new = info.origin == Origin::Binding;
        if info.storage != storage && !is_new && self.strictness == Strictness::Strict {
            return Err(Misfit::new(
                place.clone().key("storage"),
                format!(
                    "the objects of the class \"{class}\" are of the kind \"{}\", which cannot be \
                     changed",
                    info.storage.as_str()
                ),
            )
            .into());
        }
        Ok(self.declare(&info.id, storage, Origin::Declared)?)
    }

    /// Gives a class to another Worker, if that one expects it; else it is kept
    /// until it does.
    fn hand_over(&mut self, class: &str, to: &str, place: &Place) -> Result<(), ApplyError> {
        let Some(info) = self.find(self.script, class)? else { return Ok(()) };
        let place = place.clone().key("transferred_to");
        match self.find(to, class)? {
            Some(other) if other.origin == Origin::Expecting => {
                self.move_to(&info, to, class, &place, || {
                    format!("the class \"{class}\" cannot be transferred to \"{to}\"")
                })
            }
            _ if self.strictness == Strictness::Strict => Err(Misfit::new(
                place,
                format!("the Worker \"{to}\" does not expect the class \"{class}\""),
            )
            .with_hint(format!(
                "it needs an entry \"{class}\" in its `exports` with the state \
                 \"expecting-transfer\" and \"transfer_from\": \"{}\" first",
                self.script
            ))
            .into()),
            _ => {
                self.notes.push(format!(
                    "the objects of the class \"{class}\" are kept until the Worker \"{to}\" \
                     expects them"
                ));
                Ok(self.offer(&info.id, to)?)
            }
        }
    }

    /// Takes a class that another Worker gives, or waits for it.
    fn expect(
        &self,
        class: &str,
        from: &str,
        storage: Storage,
        place: &Place,
    ) -> Result<(), ApplyError> {
        let own = self.find(self.script, class)?;
        if own.as_ref().is_some_and(|info| info.origin == Origin::Declared) {
            return Ok(());
        }
        if let Some(info) = self.find(from, class)?
            && info.offered_to.as_deref() == Some(self.script)
        {
            let place = place.clone().key("transfer_from");
            return self.move_to(&info, self.script, class, &place, || {
                format!("the class \"{class}\" cannot be transferred from \"{from}\"")
            });
        }
        match own {
            Some(info) => Ok(self.declare(&info.id, storage, Origin::Expecting)?),
            None => Ok(self.insert(self.script, class, storage, Origin::Expecting)?),
        }
    }

    /// Where nothing is to be lost by forgetting, each class that was there must
    /// be spoken of.
    fn check_all_are_named(&self, exports: &BTreeMap<String, Export>) -> Result<(), ApplyError> {
        if self.strictness == Strictness::Local {
            return Ok(());
        }
        for info in self.own()? {
            if info.origin == Origin::Declared && !exports.contains_key(&info.class) {
                let class = &info.class;
                return Err(Misfit::new(
                    Place::of("exports"),
                    format!(
                        "New version of script does not export class '{class}' which is depended \
                         on by existing Durable Objects."
                    ),
                )
                .with_hint(format!(
                    "say in `exports` what became of \"{class}\": \"created\", \"deleted\", \
                     \"renamed\" or \"transferred\""
                ))
                .into());
            }
        }
        Ok(())
    }
}
