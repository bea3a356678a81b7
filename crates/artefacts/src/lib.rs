//! What lacuna's verbs wrote, and whom it holds.
//!
//! A *site* is one folder of runs with its secret key, `RUNS/.lacuna/site.key`. Under that key an id becomes a
//! [`SubjectKey`], a file's digest a [`FileMark`], and, for studies with pseudonyms, a name that nobody can compute who
//! has the ids and not the key.
//!
//! A *register* is the folder `.lacuna/artefacts` below a folder in which a verb wrote something that holds people: one
//! small JSON file per artefact, so that several processes can write at once and nothing is ever rewritten. Folders
//! outside `RUNS` are remembered in `RUNS/.lacuna/places`, so that a search knows where to look.
//!
//! Nothing here names a person. Who has a register and the site's key can try ids; who has the register alone cannot.

mod error;
mod path;
pub mod portable;
mod register;
mod site;

pub use error::ArtefactError;
pub use path::PortablePath;
pub use register::{Artefact, Covers, Entered, FOLDER, Kind, Register};
pub use site::{FileMark, Site, SubjectKey};
