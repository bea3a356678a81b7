//! Tests the guarantees of a bucket on a real server: a store in memory cannot show how a server answers a conditional
//! put.
//!
//! ```text
//! pip install 'moto[server]' && moto_server -p 5111 &
//! curl -X PUT http://127.0.0.1:5111/lacuna
//! export AWS_ENDPOINT=http://127.0.0.1:5111 AWS_ALLOW_HTTP=true AWS_ACCESS_KEY_ID=x AWS_SECRET_ACCESS_KEY=x
//! cargo run --release -p lacuna-objects --features cloud --example server -- s3://lacuna/laws
//! ```

use lacuna_objects::{Address, Location};
use std::time::Instant;

type Failure = Box<dyn std::error::Error>;

/// The number of names that all workers try to create.
const NAMES: usize = 50;
/// The number of concurrent workers, each with its own connection.
const WORKERS: u8 = 4;

fn main() -> Result<(), Failure> {
    let address: Address = std::env::args().nth(1).ok_or("give an address, as s3://bucket/prefix")?.parse()?;
    // A prefix that no earlier run has used.
    let part = format!("{:?}", std::time::SystemTime::UNIX_EPOCH.elapsed()?.as_nanos());
    Location::open(&address)?.within(&part).prove_creating()?;
    println!("a second conditional put is refused");

    let began = Instant::now();
    let made = std::thread::scope(|scope| -> Result<Vec<Vec<bool>>, Failure> {
        let worker = |worker: u8| {
            let (address, part) = (&address, &part);
            scope.spawn(move || -> Result<Vec<bool>, String> {
                let location = Location::open(address).map_err(|error| error.to_string())?.within(part);
                (0..NAMES)
                    .map(|name| {
                        location
                            .create(&format!("{name}.json"), &bytes(worker, name))
                            .map_err(|error| error.to_string())
                    })
                    .collect()
            })
        };
        let workers: Vec<_> = (0..WORKERS).map(worker).collect();
        workers.into_iter().map(|worker| Ok(worker.join().expect("no worker panics")?)).collect()
    })?;
    let seconds = began.elapsed().as_secs_f64();

    let location = Location::open(&address)?.within(&part);
    for name in 0..NAMES {
        let winners: Vec<u8> = (0..WORKERS).filter(|worker| made[usize::from(*worker)][name]).collect();
        let [winner] = winners[..] else { return Err(format!("{name}.json was made by {winners:?}").into()) };
        let found = location.read(&format!("{name}.json"), 1 << 20)?.ok_or("it was made")?;
        if found != bytes(winner, name) {
            return Err(format!("{name}.json is not what worker {winner} wrote").into());
        }
    }
    println!(
        "of {WORKERS} workers one made each of {NAMES} objects, {:.1} ms a try, and its bytes read back",
        1e3 * seconds / NAMES as f64
    );

    let listed = location.names()?;
    if (0..NAMES).any(|name| !listed.contains(&format!("{name}.json"))) || location.read("none", 1)?.is_some() {
        return Err(format!("{} names are listed", listed.len()).into());
    }
    let model = vec![7; 8 << 20];
    location.replace("0.json", &model)?;
    if location.read("0.json", 1 << 30)?.as_deref() != Some(&model[..]) {
        return Err("8 MiB that replaced an object did not read back".into());
    }
    println!("listing, replacing by 8 MiB and asking for what is not there: as they should be");
    Ok(())
}

fn bytes(worker: u8, name: usize) -> Vec<u8> {
    format!("{{\"worker\":{worker},\"name\":{name}}}\n").into_bytes()
}
