//! Thinning: of older logs, one state of each minute is kept. States in between are
//! gone, and the history goes back further.
//!
//! A log is cut where minutes end. What is made of a piece is a log of one commit with
//! the last image of each page: it leads from the end of the piece before to its own.
//! The pieces count as soon as the log is gone. Pieces that follow each other can be
//! made one; then those before the last one go from the end, so that at each moment
//! all that counts leads from a base to a state.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write as _};

use super::bookmark::Position;
use super::disk::Disk;
use super::folder::Folder;
use super::wal::{Image, Wal};
use super::{History, UnixMs};
use crate::error::Error;
use crate::failure::io_failure;

/// States are kept one for each minute, and fewer where the history is too long.
const MINUTE: UnixMs = 60 * 1000;
const COARSER: [UnixMs; 4] = [10 * MINUTE, 60 * MINUTE, 6 * 60 * MINUTE, 24 * 60 * MINUTE];

/// Images of pages in a log, the last one of each, and the size of the database.
struct Piece {
    wal: Wal,
    pages: BTreeMap<u32, Image>,
    size: u32,
}

impl<D: Disk> History<D> {
    /// Makes less of older logs, and drops what is too old or too much. Meanwhile nobody may restore or take a base. Stops as
    /// soon as `goes_on` is false. Blocks, but nobody else.
    ///
    /// # Errors
    /// What the system says; the history is then as it was.
    pub fn thin(&self, goes_on: &dyn Fn() -> bool) -> Result<(), Error> {
        self.thin_all(goes_on).map_err(|error| io_failure(&self.path(), &error))
    }

    fn thin_all(&self, goes_on: &dyn Fn() -> bool) -> io::Result<()> {
        for log in self.old_logs()? {
            if !goes_on() {
                return Ok(());
            }
            cut(&self.folder()?, log)?;
        }
        if !self.is_short_enough()? {
            self.drop_bases()?;
        }
        for span in COARSER {
            if self.is_short_enough()? {
                break;
            }
            let folder = self.folder()?;
            for group in grouped(&folder, span)? {
                if !goes_on() {
                    return Ok(());
                }
                join(&folder, &group)?;
            }
        }
        let _state = self.lock();
        self.drop_old()
    }

    /// Drops bases that logs lead to: all but the first and the newest.
    fn drop_bases(&self) -> io::Result<()> {
        let folder = self.folder()?;
        let others = folder.bases.len().saturating_sub(2);
        let others = folder.bases.iter().skip(1).take(others);
        others.map(|base| folder.base(*base)).try_for_each(std::fs::remove_file)
    }

    /// Logs that are not among the newest.
    fn old_logs(&self) -> io::Result<Vec<u32>> {
        let folder = self.folder()?;
        let mut bytes = 0;
        let mut old = Vec::new();
        for (log, own) in folder.logs.iter().rev() {
            bytes += own;
            if bytes > self.sort.whole_bytes && Some(*log) != folder.newest_log() {
                old.push(*log);
            }
        }
        old.reverse();
        Ok(old)
    }

    fn is_short_enough(&self) -> io::Result<bool> {
        let database = self.database.metadata().map_or(0, |it| it.len());
        Ok(self.folder()?.bytes()? <= self.limits.most_bytes(database))
    }
}

/// Makes pieces of a log. The first one takes in the piece before, if that is of the
/// same minute.
fn cut<D: Disk>(folder: &Folder<'_, D>, log: u32) -> io::Result<()> {
    let wal = open(folder, Position { log, frame: u32::MAX })?;
    let images = wal.images()?;
    let all = u32::try_from(images.len()).unwrap_or(u32::MAX);
    let mut ends: Vec<(u32, UnixMs)> = Vec::new();
    let mut times = folder.times(log)?;
    times.push((all, times.last().map_or(0, |(_, time)| *time)));
    for (frame, time) in times {
        // Where a commit ends, and nowhere else.
        let is_end = (1..=all).contains(&frame) && images[frame as usize - 1].size > 0;
        if !is_end || ends.last().is_some_and(|(last, _)| *last > frame) {
            continue;
        }
        match ends.last_mut() {
            Some(last) if last.1 == time / MINUTE => last.0 = frame,
            Some(last) if last.0 == frame => {}
            _ => ends.push((frame, time / MINUTE)),
        }
    }
    let first = Position { log, frame: 0 };
    let before = folder.thins.range(..first).next_back().map(|(at, _)| *at);
    let before = match before {
        Some(before) if ends.first().map(|it| it.1) == Some(ended(folder, before)? / MINUTE) => {
            Some(before)
        }
        _ => None,
    };
    let mut begin = 0;
    for (number, (end, _)) in ends.iter().enumerate() {
        let own = Piece::of(open(folder, first)?, &images[begin as usize..*end as usize]);
        let at = Position { log, frame: *end };
        match before {
            Some(before) if number == 0 => write(folder, at, &[piece(folder, before)?, own])?,
            _ => write(folder, at, &[own])?,
        }
        begin = *end;
    }
    std::fs::remove_file(folder.log(log))?;
    match before {
        Some(before) => remove(folder, before),
        None => Ok(()),
    }
}

/// Makes one piece of some that follow each other.
fn join<D: Disk>(folder: &Folder<'_, D>, group: &[Position]) -> io::Result<()> {
    let Some((last, others)) = group.split_last().filter(|(_, others)| !others.is_empty()) else {
        return Ok(());
    };
    let pieces: io::Result<Vec<Piece>> = group.iter().map(|at| piece(folder, *at)).collect();
    write(folder, *last, &pieces?)?;
    others.iter().rev().try_for_each(|at| remove(folder, *at))
}

/// Pieces that follow each other, by the span of time in which they ended.
fn grouped<D: Disk>(folder: &Folder<'_, D>, span: UnixMs) -> io::Result<Vec<Vec<Position>>> {
    let mut groups: Vec<(UnixMs, Vec<Position>)> = Vec::new();
    for at in folder.thins.keys() {
        let ended = ended(folder, *at)? / span;
        match groups.last_mut() {
            Some((time, group)) if *time == ended => group.push(*at),
            _ => groups.push((ended, vec![*at])),
        }
    }
    Ok(groups.into_iter().map(|(_, group)| group).collect())
}

/// When a piece ended.
fn ended<D: Disk>(folder: &Folder<'_, D>, at: Position) -> io::Result<UnixMs> {
    let times = folder.times(at.log)?;
    let found = times.iter().rev().find(|(frame, _)| *frame <= at.frame);
    Ok(found.map_or(0, |(_, time)| *time))
}

fn open<D: Disk>(folder: &Folder<'_, D>, at: Position) -> io::Result<Wal> {
    let path = folder.source(at).ok_or(io::ErrorKind::NotFound)?;
    Wal::open(&path)?.ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// A piece that was made before.
fn piece<D: Disk>(folder: &Folder<'_, D>, at: Position) -> io::Result<Piece> {
    let wal = open(folder, at)?;
    let images = wal.images()?;
    Ok(Piece::of(wal, &images))
}

fn remove<D: Disk>(folder: &Folder<'_, D>, at: Position) -> io::Result<()> {
    std::fs::remove_file(folder.thin(at))?;
    // Nothing of its log is left if no piece or log has that number.
    let is_last =
        Folder::read(&folder.path, folder.disk)?.logs_from(at.log).first() != Some(&at.log);
    if is_last { folder.forget_times(at.log) } else { Ok(()) }
}

impl Piece {
    fn of(wal: Wal, images: &[Image]) -> Self {
        let size = images.iter().rev().find(|it| it.size > 0).map_or(0, |it| it.size);
        let pages = images.iter().map(|image| (image.page, *image)).collect();
        Self { wal, pages, size }
    }
}

/// Writes a piece that ends there, of some that follow each other.
fn write<D: Disk>(folder: &Folder<'_, D>, at: Position, pieces: &[Piece]) -> io::Result<()> {
    let Some(last) = pieces.last() else { return Ok(()) };
    let mut pages: BTreeMap<u32, (&Wal, Image)> = BTreeMap::new();
    for piece in pieces {
        pages.extend(piece.pages.iter().map(|(page, image)| (*page, (&piece.wal, *image))));
    }
    // What a database that became shorter does not have any more.
    pages.retain(|page, _| *page <= last.size);
    let end = pages.keys().next_back().copied();
    folder.write_whole(&folder.thin(at), |new| {
        let mut to = BufWriter::new(File::create(new)?);
        let mut sum = last.wal.copy_header(&mut to)?;
        for (page, (wal, image)) in &pages {
            let size = if Some(*page) == end { last.size } else { 0 };
            sum = last.wal.write_frame(&mut to, sum, (*page, size), &wal.read_page(image)?)?;
        }
        to.flush()
    })
}
