//! An OVSDB client (RFC 7047 and the extensions of ovsdb-server(7)): a replica of chosen tables that follows the server,
//! and transactions.
//!
//! It reads from one of several servers of a database, and writes nothing but the transactions it is given. It never
//! retries a transaction, never blocks a reader on the network, and never shows half a message's changes.
//!
//! ```no_run
//! use weir_ovsdb::{Client, ClientConfig, Condition, Index, Mutation, Operation, Row, TableSpec, Datum};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let tables = vec![TableSpec {
//!     name: "Load_Balancer".into(),
//!     columns: vec!["name".into(), "vips".into(), "external_ids".into()],
//!     indexes: vec![Index::Column("name".into())],
//!     any_of: vec![],
//! }];
//! let client = Client::connect(ClientConfig::new(vec!["unix:/run/ovn/ovnnb_db.sock".parse()?], "OVN_Northbound", tables));
//! client.synced().await;
//!
//! let row = Row::new().with("name", "web").with("vips", Datum::map([("10.0.0.5:80", "10.0.0.11:80")]));
//! let results = client.transact(vec![Operation::insert("Load_Balancer", row), Operation::comment("example")]).await?;
//! let id = results.first().and_then(|result| result.uuid).ok_or("no uuid")?;
//! // The server tells of the change before it replies, so the row is here already.
//! assert!(client.replica().get("Load_Balancer", &id).is_some());
//!
//! let found = client.replica().find("Load_Balancer", &Index::Column("name".into()), "web").count();
//! assert_eq!(found, 1);
//!
//! let pair = Datum::map([("10.0.0.5:443", "10.0.0.11:443")]);
//! let mutation = Mutation::insert("vips", pair);
//! client.transact(vec![Operation::mutate("Load_Balancer", vec![Condition::by_uuid(id)], vec![mutation])]).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # What happens when
//!
//! * **A transaction cannot be sent**: [`TransactError::NotConnected`] at once; nothing is queued while there is no
//!   synchronised connection.
//! * **The connection is lost under a transaction**: [`TransactError::Unknown`]. It may have been committed. Look at the
//!   replica after the next synchronisation, or make it repeatable (inserts with their own UUID, guards).
//! * **The server is not the leader, stale, or cut off**: the next endpoint is tried at once; a pause comes only after all
//!   were tried.
//! * **The connection is back**: the replica resumes after the last transaction seen where the server knows it, else
//!   everything is read anew and [`Changed::reset`] is set. The old content stays readable until then.
//! * **An update makes no sense**: nothing of it is applied, the connection is closed, everything is read anew.
//! * **The schema is converted online**: schema and data are read anew; columns may come or go.
//!
//! # Parts
//!
//! [`value`] atoms, sets, maps, rows · [`stream`] splitting · [`schema`] · [`session`] and [`reconnect`] state machines
//! without I/O · [`replica`] · [`transaction`] · [`connection`] the tokio task · [`testing`] real servers for tests.

pub mod connection;
pub mod reconnect;
pub mod replica;
pub mod schema;
pub mod session;
pub mod stream;
#[cfg(feature = "testing")]
pub mod testing;
pub mod transaction;
pub mod value;

pub use connection::{Client, ClientConfig, ConnectError, Endpoint, EndpointError, Status, TlsFiles};
pub use replica::{Before, Changed, Index, Layout, Replica, ReplicaError, RowChanged, TableSpec, Was};
pub use schema::{Schema, SchemaError};
pub use transaction::{
    Condition, Function, Mutation, Mutator, Operation, OperationResult, TransactError, Until,
};
pub use uuid::Uuid;
pub use value::{Atom, Datum, Row, ValueError};
