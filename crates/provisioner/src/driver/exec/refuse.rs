//! Which programs are not run: those that somebody else could have changed.

use std::{
    fs::{self, Metadata},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use rustix::process::{getegid, geteuid};

/// Others may write.
const OTHERS: u32 = 0o002;
/// The group may write.
const GROUP: u32 = 0o020;
/// In a directory: only who owns a file may replace it.
const STICKY: u32 = 0o1000;
/// Somebody may execute.
const EXECUTE: u32 = 0o111;

/// The file that is meant, after all symbolic links, when nobody but root and we can have put it there.
///
/// # Errors
/// What is wrong with it, for staff.
pub(super) fn trusted(hook: &Path) -> Result<PathBuf, String> {
    let named = hook.display();
    let file = fs::canonicalize(hook).map_err(|error| format!("the hook {named} is not there: {error}"))?;
    for path in file.ancestors() {
        let shown = path.display();
        let about = fs::metadata(path).map_err(|error| format!("the hook's {shown} can't be looked at: {error}"))?;
        if !ours(about.uid()) {
            return Err(format!("the hook's {shown} belongs to user {}, neither root nor this one", about.uid()));
        }
        if path == file {
            program(&about).map_err(|why| format!("the hook {shown} {why}"))?;
        } else if writable(&about) && about.mode() & STICKY == 0 {
            return Err(format!("the hook's directory {shown} can be written to by others"));
        }
    }
    Ok(file)
}

fn program(about: &Metadata) -> Result<(), &'static str> {
    if !about.is_file() {
        Err("is not a file")
    } else if writable(about) {
        Err("can be written to by others")
    } else if about.mode() & EXECUTE == 0 {
        Err("is not executable")
    } else {
        Ok(())
    }
}

fn ours(uid: u32) -> bool {
    uid == 0 || uid == geteuid().as_raw()
}

/// Whether users can write there that are neither root nor we; our own group is taken for us.
fn writable(about: &Metadata) -> bool {
    let group = about.gid() == 0 || about.gid() == getegid().as_raw();
    about.mode() & OTHERS != 0 || (about.mode() & GROUP != 0 && !group)
}
