//! `lacuna data send` and `lacuna data fetch`: a data set into a bucket, and out of it.

use crate::context::Context;
use crate::error::CliError;
use crate::output::Outcome;
use crate::progress::Files;
use clap::Args;
use lacuna_artefacts::PortablePath;
use lacuna_objects::{Address, FileSet, Location};
use serde_json::json;
use std::path::PathBuf;

/// Put the files of a data set where other machines find them, once
///
/// Images and names go out as they are: send what `lacuna data export` wrote, whose headers name no person,
/// to a bucket that is yours. MANIFEST, the list of digests, is sent last; what an interrupted call sent stays.
#[derive(Args)]
#[command(
    after_help = "Example:\n  lacuna data send heads s3://bucket/heads\n\nA study names it as its data.root, or any \
                  machine has it by `lacuna data fetch`."
)]
pub struct SendArguments {
    /// The data set's folder
    #[arg(value_name = "DATA")]
    data: PathBuf,
    /// The URL of a bucket and a prefix, or a folder that machines share
    #[arg(value_name = "URL")]
    to: Address,
}

/// Have a data set that was sent to a bucket in a folder here
///
/// Every file is checked against the digest it was sent with. Files that are there already are left.
#[derive(Args)]
#[command(after_help = "Example:\n  lacuna data fetch s3://bucket/heads heads")]
pub struct FetchArguments {
    /// The URL of a bucket and a prefix, or a folder that machines share
    #[arg(value_name = "URL")]
    from: Address,
    /// The folder to have it in
    #[arg(value_name = "DIR")]
    out: PathBuf,
}

pub fn send(arguments: &SendArguments, context: &Context) -> Result<Outcome, CliError> {
    let location = Location::open(&arguments.to)?;
    location.prove_creating()?;
    let mut progress = Files::new("send", context);
    let set = FileSet::send(&arguments.data, &location, &mut |done, total| progress.advance(done, total))?;
    let (files, to) = (set.names().len(), &arguments.to);
    let record = json!({ "folder": PortablePath::from(arguments.data.as_path()), "to": to, "files": files, "digest": set.digest() });
    let text = format!("{files} files: {to}\ndigest  {}\n", set.digest());
    Ok(Outcome::new("data.send", &record, text))
}

pub fn fetch(arguments: &FetchArguments, context: &Context) -> Result<Outcome, CliError> {
    let set = FileSet::find(&Location::open(&arguments.from)?)?;
    let mut progress = Files::new("fetch", context);
    let fetched = set.fetch(&arguments.out, &mut |done, total| progress.advance(done, total))?;
    let (files, folder) = (set.names().len(), arguments.out.display());
    let record = json!({
        "from": arguments.from, "folder": PortablePath::from(arguments.out.as_path()), "files": files, "fetched": fetched, "digest": set.digest()
    });
    let text = format!("{files} files, {fetched} of them fetched: {folder}\nnext:  lacuna data check {folder}\n");
    Ok(Outcome::new("data.fetch", &record, text))
}
