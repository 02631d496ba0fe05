//! What was acknowledged last, kept outside the database: a server that is behind it has lost something that a customer
//! was told is done, and is not used until staff say so (`docs/adr/0032-evidence-of-commits.md`).

use std::{
    fmt, fs, io,
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Error, server::Place};

/// The furthest that was acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    /// Where the transaction began, so before what it wrote.
    #[serde(flatten)]
    pub(super) place: Place,
    /// What the live realm's last one left in the database.
    pub(super) token: Option<Token>,
    /// When it began, by the database's clock.
    pub(super) at: Timestamp,
}

/// What a transaction left in the database ([`super::outcome`]), where it is kept for some minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Token {
    pub(super) token: Uuid,
    /// When the transaction began, by the database's clock.
    pub(super) at: Timestamp,
}

impl Mark {
    fn is_further_than(&self, before: &Self) -> bool {
        let reached = |place: &Place| (place.timeline, place.position);
        before.place.system != self.place.system || reached(&before.place) < reached(&self.place)
    }
}

/// What is kept in the file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Kept {
    /// Begins anew each time that staff accept a database as it is.
    accepted: u64,
    mark: Option<Mark>,
}

/// What a server must not be behind.
pub(super) struct Expected {
    seen: Option<Place>,
    mark: Option<Mark>,
}

impl Expected {
    /// Whether a server is as far.
    pub(super) fn check(&self, server: &Place) -> Result<(), Behind> {
        for before in self.seen.iter().chain(self.mark.as_ref().map(|mark| &mark.place)) {
            if server.system != before.system {
                return Err(another_cluster(server, &before.system));
            }
            if server.timeline < before.timeline {
                return Err(Behind(format!(
                    "this server writes the old timeline {}, and timeline {} has begun",
                    server.timeline, before.timeline
                )));
            }
        }
        match &self.mark {
            Some(Mark { place, at, .. }) if server.position < place.position => Err(Behind(format!(
                "this server ends at {} of its log, and what was acknowledged until {at} goes to {}",
                wal(server.position),
                wal(place.position)
            ))),
            _ => Ok(()),
        }
    }
}

/// Why a server is not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Behind(String);

impl fmt::Display for Behind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: it is not used, so that nothing is written over what customers were told. Find the server that has it; \
             or, when what it lacks is given up for lost, `vartai database accept`",
            self.0
        )
    }
}

/// Remembers how far the database had come.
#[derive(Debug, Default)]
pub struct Witness {
    /// Where it is kept; without, it is forgotten with the process.
    path: Option<PathBuf>,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    kept: Kept,
    changed: bool,
    /// The server that was connected to last.
    seen: Option<Place>,
}

impl Witness {
    /// Reads what was kept in a file; nothing was where there is none.
    ///
    /// # Errors
    /// [`Error::Refused`] when it is there and can't be read: what isn't known must not be taken for nothing.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let known = Known { kept: read(path)?, ..Known::default() };
        Ok(Self { path: Some(path.to_owned()), known: Mutex::new(known) })
    }

    /// Takes the database as it is: what was acknowledged before counts no more.
    ///
    /// # Errors
    /// [`Error::Refused`] when the file can't be written.
    pub fn accept(path: &Path) -> Result<(), Error> {
        // One that can't be read is replaced, too: that is what staff were told to do about it.
        let accepted = read(path).map_or(0, |kept| kept.accepted).wrapping_add(1);
        write(path, &Kept { accepted, mark: None }).map_err(|error| unwritten(path, &error))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The furthest that is known.
    pub(super) fn mark(&self) -> Option<Mark> {
        self.known().kept.mark.clone()
    }

    /// A transaction was acknowledged that began there, at a moment of the database's; in the live realm with this
    /// token.
    pub(super) fn acknowledged(&self, timeline: i64, position: i64, token: Option<Uuid>, at: Timestamp) {
        let mut known = self.known();
        let Some(system) = known.seen.as_ref().map(|seen| seen.system.clone()) else { return };
        let before = known.kept.mark.as_ref();
        // Another realm's transaction says how far it is, and not what the live realm has.
        let token = token.map(|token| Token { token, at }).or_else(|| before.and_then(|before| before.token));
        let mark = Mark { place: Place { system, timeline, position }, token, at };
        if before.is_none_or(|before| mark.is_further_than(before)) {
            known.kept.mark = Some(mark);
            known.changed = true;
        }
    }

    /// What a server has to have that is asked from now on, as far as this process knows, or another that keeps the same
    /// file. To be taken before the server is asked: what is acknowledged later may be further than its answer.
    pub(super) fn expected(&self) -> Expected {
        self.reread();
        let known = self.known();
        Expected { seen: known.seen.clone(), mark: known.kept.mark.clone() }
    }

    /// A server is used: from now on it has to be of the same cluster, and of no older timeline.
    pub(super) fn saw(&self, server: &Place) {
        self.known().seen = Some(server.clone());
    }

    /// What is said of a server that lacks the last transaction that was acknowledged.
    pub(super) fn lacking(token: &Token) -> Behind {
        Behind(format!("this server lacks what was acknowledged at {}", token.at))
    }

    /// Writes the file if there is something new, and takes over what other processes know.
    pub(super) fn keep(&self) {
        let Some(path) = &self.path else { return };
        if !self.known().changed {
            return;
        }
        self.reread();
        let kept = {
            let mut known = self.known();
            if !known.changed {
                return;
            }
            known.changed = false;
            known.kept.clone()
        };
        if let Err(error) = write(path, &kept) {
            self.known().changed = true;
            tracing::warn!(%error, path = %path.display(), "how far the database is could not be kept");
        }
    }

    /// Takes over what other processes know: that staff have accepted the database, or that it has come further.
    pub(super) fn reread(&self) {
        let Some(there) = self.path.as_ref().and_then(|path| read(path).ok()) else { return };
        let mut known = self.known();
        let further = match (&there.mark, &known.kept.mark) {
            (Some(there), Some(mine)) => there.is_further_than(mine),
            (there, _) => there.is_some(),
        };
        if there.accepted != known.kept.accepted {
            *known = Known { kept: there, ..Known::default() };
        } else if further {
            (known.kept, known.changed) = (there, false);
        }
    }
}

fn another_cluster(server: &Place, known: &str) -> Behind {
    Behind(format!("this is another database cluster ({}) than the one before ({known})", server.system))
}

/// A position as PostgreSQL writes it.
fn wal(position: i64) -> String {
    format!("{:X}/{:X}", position >> 32, position & 0xFFFF_FFFF)
}

fn read(path: &Path) -> Result<Kept, Error> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Kept::default()),
        Err(error) => return Err(unread(path, &error)),
    };
    serde_json::from_slice(&text).map_err(|error| unread(path, &error))
}

fn unread(path: &Path, why: &dyn fmt::Display) -> Error {
    Error::Refused(format!(
        "{}, which says how far the database had come, can't be read ({why}): put it back, or, if the database is \
         right as it is, `vartai database accept`",
        path.display()
    ))
}

fn unwritten(path: &Path, why: &io::Error) -> Error {
    Error::Refused(format!("{} can't be written: {why}", path.display()))
}

/// Whole or not at all, also when the power fails; it belongs to whom the directory belongs, whoever runs the command.
fn write(path: &Path, kept: &Kept) -> io::Result<()> {
    let directory = path.parent().unwrap_or_else(|| Path::new("."));
    fs::create_dir_all(directory)?;
    let new = path.with_extension(format!("new-{}", std::process::id()));
    let mut file = fs::File::options().create(true).write(true).truncate(true).mode(0o644).open(&new)?;
    let owner = fs::metadata(directory)?;
    let mine = file.metadata()?;
    if (owner.uid(), owner.gid()) != (mine.uid(), mine.gid()) && mine.uid() == 0 {
        std::os::unix::fs::fchown(&file, Some(owner.uid()), Some(owner.gid()))?;
    }
    io::Write::write_all(&mut file, &serde_json::to_vec(kept)?)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    fs::File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(timeline: i64, position: i64) -> Place {
        Place { system: "7".to_owned(), timeline, position }
    }

    /// Uses a server, if it may be.
    fn connect(witness: &Witness, server: &Place) -> Result<(), Behind> {
        witness.expected().check(server)?;
        witness.saw(server);
        Ok(())
    }

    /// A witness that is connected to cluster 7, of which so much was acknowledged.
    fn witness(timeline: i64, position: i64) -> Witness {
        let witness = Witness::default();
        assert_eq!(connect(&witness, &place(1, 0)), Ok(()));
        acknowledged(&witness, timeline, position);
        witness
    }

    fn acknowledged(witness: &Witness, timeline: i64, position: i64) {
        witness.acknowledged(timeline, position, None, Timestamp::UNIX_EPOCH);
    }

    #[test]
    fn a_server_is_used_that_is_as_far_as_what_was_acknowledged() {
        let witness = witness(3, 100);
        for (timeline, position, good) in
            [(3, 100, true), (3, 99, false), (2, 900, false), (3, 101, true), (4, 99, false), (4, 100, true)]
        {
            assert_eq!(connect(&witness, &place(timeline, position)).is_ok(), good, "{timeline} {position}");
        }
    }

    #[test]
    fn another_cluster_is_not_used_also_where_nothing_was_acknowledged() {
        let other = Place { system: "8".to_owned(), ..place(9, 900) };
        assert!(connect(&witness(3, 100), &other).is_err());
        let fresh = Witness::default();
        assert_eq!(connect(&fresh, &other), Ok(()));
        assert!(connect(&fresh, &place(9, 900)).is_err());
    }

    #[test]
    fn who_has_seen_a_promotion_does_not_go_back_though_it_had_nothing_acknowledged_since() {
        let worker = Witness::default();
        assert_eq!(connect(&worker, &place(1, 500)), Ok(()));
        assert_eq!(connect(&worker, &place(2, 400)), Ok(()));
        assert!(connect(&worker, &place(1, 900)).is_err());
        assert_eq!(connect(&worker, &place(2, 410)), Ok(()));
    }

    #[test]
    fn what_is_acknowledged_while_a_server_is_asked_is_not_expected_of_its_answer() {
        let witness = witness(3, 100);
        let expected = witness.expected();
        acknowledged(&witness, 3, 200);
        assert_eq!(expected.check(&place(3, 150)), Ok(()));
        assert!(witness.expected().check(&place(3, 150)).is_err());
    }

    #[test]
    fn what_is_acknowledged_late_does_not_take_back_what_is_known() {
        let (witness, id) = (witness(1, 0), Uuid::from_u128(1));
        witness.acknowledged(3, 100, Some(id), Timestamp::UNIX_EPOCH);
        let token = Some(Token { token: id, at: Timestamp::UNIX_EPOCH });
        let known = Mark { place: place(3, 100), token, at: Timestamp::UNIX_EPOCH };
        acknowledged(&witness, 3, 90);
        acknowledged(&witness, 2, 900);
        assert_eq!(witness.mark(), Some(known.clone()));
        // Of another realm: as far, without a word of the live realm's, whose token keeps its own moment.
        let later = Timestamp::from_second(900).unwrap();
        witness.acknowledged(3, 110, None, later);
        assert_eq!(witness.mark(), Some(Mark { place: place(3, 110), at: later, ..known }));
    }

    #[test]
    fn it_is_kept_and_accepted_through_the_file() {
        let directory = std::env::temp_dir().join(format!("vartai-witness-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let path = directory.join("witness");
        let first = Witness::open(&path).unwrap();
        assert_eq!(connect(&first, &place(1, 0)), Ok(()));
        acknowledged(&first, 3, 100);
        let second = Witness::open(&path).unwrap();
        first.keep();
        assert!(connect(&second, &place(3, 50)).is_err(), "another process has had it acknowledged");
        second.reread();
        assert!(connect(&second, &place(3, 50)).is_err(), "nobody has accepted it");
        Witness::accept(&path).unwrap();
        acknowledged(&first, 3, 200);
        first.keep();
        second.reread();
        for witness in [&first, &second] {
            assert_eq!(connect(witness, &place(3, 50)), Ok(()), "who knew more before takes over what was accepted");
        }
        acknowledged(&first, 3, 60);
        first.keep();
        acknowledged(&second, 3, 55);
        second.keep();
        assert!(connect(&second, &place(3, 57)).is_err(), "another process has come further");
        fs::write(&path, "{").unwrap();
        assert!(matches!(Witness::open(&path), Err(Error::Refused(_))), "what can't be read is not nothing");
        Witness::accept(&path).unwrap();
        assert!(connect(&Witness::open(&path).unwrap(), &place(1, 1)).is_ok());
        fs::remove_dir_all(&directory).unwrap();
    }
}
