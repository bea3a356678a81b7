//! The artefacts that lacuna's commands wrote, and whose data they hold.
//!
//! A *site* is one folder of runs with its secret key, `RUNS/.lacuna/site.key`. Under that key a subject id becomes a
//! [`SubjectKey`], a file's digest a [`FileMark`], and, for studies with pseudonyms, a name that cannot be computed
//! from the ids without the key.
//!
//! A *register* is the folder `.lacuna/artefacts` below a folder in which a command wrote data of subjects: one small
//! JSON file per artefact, so that several processes can write at once and no file is rewritten. Folders outside `RUNS`
//! are listed in `RUNS/.lacuna/locations`, so that a search includes them.
//!
//! Registers hold no ids. With a register and the site's key, ids can be tried; with the register only, they cannot.

mod error;
mod path;
pub mod portable;
mod register;
mod site;

pub use error::ArtefactError;
pub use path::PortablePath;
pub use register::{Artefact, Covers, Entered, FOLDER, Kind, Register};
pub use site::{FileMark, Site, SubjectKey};
