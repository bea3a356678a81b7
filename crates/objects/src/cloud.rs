//! Stores in a network: S3 and compatible ones, Google Cloud Storage, Azure.
//!
//! Credentials come from the same sources as for the stores' own tools: the environment, the identity of the machine or
//! the container, and for Google the file of its command line. They are never arguments, which every user who lists
//! processes can read.

use crate::ObjectError;
use crate::bucket::Bucket;
use crate::retry_policy::RetryPolicy;
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::path::Path as ObjectPath;
use object_store::{ClientOptions, Error, ObjectStore, RetryConfig};
use std::sync::Arc;

/// Opens the location of a URL: reads the credentials, but sends no request.
pub fn open(url: &str) -> Result<Bucket, ObjectError> {
    let unfit = |found: String, fix| ObjectError::Address { address: url.to_string(), found, fix };
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    if bucket.is_empty() {
        return Err(unfit("no bucket".to_string(), "name one, as in s3://bucket/prefix"));
    }
    let prefix = ObjectPath::parse(prefix).map_err(|error| unfit(error.to_string(), "give another prefix"))?;
    let store = match scheme {
        "s3" => s3(bucket),
        "gs" => google(bucket),
        "az" => azure(bucket),
        other => return Err(unfit(format!("{other}://"), "is it spelled as here?")),
    };
    let store = store.map_err(|error| unfit(error.to_string(), "see docs/scale.md for what each store needs"))?;
    Ok(Bucket::new(store, prefix, url.to_string(), RetryPolicy::STANDARD))
}

/// Opens an S3 bucket with `AWS_ACCESS_KEY_ID` and the related variables, a web identity, or a container's or a
/// machine's role; `AWS_ENDPOINT` selects a store other than Amazon's.
fn s3(bucket: &str) -> Result<Arc<dyn ObjectStore>, Error> {
    let builder = AmazonS3Builder::from_env().with_bucket_name(bucket).with_retry(once());
    let allows_http = std::env::var("AWS_ALLOW_HTTP").is_ok_and(|value| value == "true");
    Ok(Arc::new(builder.with_client_options(options().with_allow_http(allows_http)).build()?))
}

/// Opens a Google bucket with `GOOGLE_APPLICATION_CREDENTIALS`, the file of `gcloud auth application-default login`, or
/// the machine's account.
fn google(bucket: &str) -> Result<Arc<dyn ObjectStore>, Error> {
    let builder = GoogleCloudStorageBuilder::from_env().with_bucket_name(bucket).with_retry(once());
    Ok(Arc::new(builder.with_client_options(options()).build()?))
}

/// Opens an Azure container with `AZURE_STORAGE_ACCOUNT_NAME` and a key, a token or a client's secret, or with the
/// machine's managed identity.
fn azure(container: &str) -> Result<Arc<dyn ObjectStore>, Error> {
    let builder = MicrosoftAzureBuilder::from_env().with_container_name(container).with_retry(once());
    Ok(Arc::new(builder.with_client_options(options()).build()?))
}

/// Returns a configuration without retries, which the bucket makes.
fn once() -> RetryConfig {
    RetryConfig { max_retries: 0, ..RetryConfig::default() }
}

fn options() -> ClientOptions {
    ClientOptions::new().with_timeout(RetryPolicy::STANDARD.each)
}
