//! The address of a location, as given on a command line.

use serde::{Deserialize, Serialize};
use std::convert::Infallible;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// A folder's path, or the URL of a bucket and a prefix in it: `s3://bucket/prefix`, `gs://…`, `az://…`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Address {
    /// The path of a folder or an archive.
    Folder(PathBuf),
    /// The URL of a bucket and a prefix.
    Url(String),
}

impl Address {
    /// Returns the path, if it is a folder's.
    pub fn folder(&self) -> Option<&Path> {
        match self {
            Address::Folder(path) => Some(path),
            Address::Url(_) => None,
        }
    }

    /// Returns the address with a folder's path changed, for example to an absolute one; a URL is unchanged.
    pub fn map_folder(self, change: impl FnOnce(&Path) -> PathBuf) -> Address {
        match self {
            Address::Folder(path) => Address::Folder(change(&path)),
            url => url,
        }
    }
}

impl From<String> for Address {
    fn from(text: String) -> Address {
        match text.split_once("://") {
            Some(("file", path)) => Address::Folder(path.into()),
            Some(_) => Address::Url(text.trim_end_matches('/').to_string()),
            None => Address::Folder(text.into()),
        }
    }
}

impl FromStr for Address {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Address, Infallible> {
        Ok(Address::from(text.to_string()))
    }
}

impl From<Address> for String {
    fn from(address: Address) -> String {
        address.to_string()
    }
}

impl From<PathBuf> for Address {
    fn from(path: PathBuf) -> Address {
        Address::Folder(path)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Folder(path) => path.display().fmt(to),
            Address::Url(url) => url.fmt(to),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_folder_unless_it_has_a_scheme() {
        let folder = |text: &str| text.parse::<Address>().unwrap().folder().map(Path::to_path_buf);
        assert_eq!(folder("runs/store/records"), Some("runs/store/records".into()));
        assert_eq!(folder("file:///shared/records"), Some("/shared/records".into()));
        assert_eq!(folder("s3://bucket/ixi7/"), None);
    }

    #[test]
    fn an_address_is_written_as_it_is_given() {
        for text in ["/shared/records", "s3://bucket/ixi7"] {
            let address: Address = text.parse().unwrap();
            let json = serde_json::to_string(&address).unwrap();
            assert_eq!(json, format!("\"{text}\""), "plans of before there were buckets read alike");
            assert_eq!(serde_json::from_str::<Address>(&json).unwrap(), address);
        }
    }
}
