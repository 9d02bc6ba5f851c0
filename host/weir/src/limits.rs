//! Every limit and timeout of the program, with its reason.

use std::time::Duration;

/// How long a provider call waits for the Northbound before it is answered "accepted, not yet committed". Octavia calls
/// the driver inside an open database transaction, so a call must never hang.
pub const CALL_BUDGET: Duration = Duration::from_millis(300);

/// Load balancers whose changes share one transaction: a RAFT cluster pays one fsync a transaction, and beyond this
/// number the gain is small while a failure is dearer to take apart.
pub const BATCH_LOAD_BALANCERS: usize = 100;

/// Bytes of operations in a shared transaction, roughly; one load balancer alone may have more.
pub const BATCH_BYTES: usize = 256 * 1024;

/// Transactions under way at once. Two keep the server busy while the next batch gathers; more would only make the
/// batches smaller.
pub const TRANSACTIONS_IN_FLIGHT: usize = 2;

/// Changes of one load balancer that may wait; further calls are refused with 503. Octavia itself has only one at a
/// time under way for a load balancer.
pub const PENDING_PER_LOAD_BALANCER: usize = 1_000;

/// Changes of all load balancers that may wait while the Northbound is away.
pub const PENDING: usize = 50_000;

/// Finished changes that are remembered by id and idempotency key.
pub const REMEMBERED_CHANGES: usize = 20_000;

/// Finished changes that can still be taken back (they hold the load balancer before and after).
pub const REVERTIBLE_CHANGES: usize = 2_000;

/// Wait before a change that met somebody else's edit, or lost its connection, is planned again; doubles to
/// [`RETRY_MAX`].
pub const RETRY_MIN: Duration = Duration::from_millis(5);

/// See [`RETRY_MIN`].
pub const RETRY_MAX: Duration = Duration::from_secs(5);

/// The pause between two questions to the driver-agent, or to Neutron, that only show whether it answers: the agent forks for
/// each.
pub const REACH_LOOK: Duration = Duration::from_secs(15);

/// The same while it is away: its return should show soon.
pub const REACH_AGAIN: Duration = Duration::from_secs(5);

/// How long such an answer may take.
pub const REACH_ANSWER: Duration = Duration::from_secs(10);

/// What cannot be reached for so long is away; a restart or a new leader takes less.
pub const AWAY: Duration = Duration::from_secs(5);

/// How often what was seen of revisions is handed to the journal: what a crash loses of it is harmless.
pub const REVISIONS_SAVED: Duration = Duration::from_secs(5);

/// How long a removed load balancer's revision is remembered: the age of the oldest backup that is likely to be restored.
pub const REMOVED_REMEMBERED: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// How many of them at most.
pub const REMOVED_REMEMBERED_MAX: usize = 100_000;

/// A change that is tried for so long is stuck: an operator should hear of it, since its objects stay PENDING.
pub const STUCK: Duration = Duration::from_secs(60);

/// The pause before the replica may be read anew once more because a guard has proven it wrong; doubles to
/// [`REREAD_PAUSE_MAX`], after which it begins anew. A lost update is rare, and reading a large Northbound costs seconds.
pub const REREAD_PAUSE: Duration = Duration::from_secs(10);

/// See [`REREAD_PAUSE`].
pub const REREAD_PAUSE_MAX: Duration = Duration::from_secs(10 * 60);
/// The longest pause between attempts to connect to a database where `ovsdb_retry_max_interval` is not set, as in OVS: a
/// Northbound that comes back is found soon, and an attempt costs little.
pub const OVSDB_RETRY: Duration = Duration::from_secs(8);

/// An OVSDB message longer than this ends the connection: 256 MiB holds a Northbound of 100,000 load balancers.
pub const OVSDB_MESSAGE: usize = 256 * 1024 * 1024;

/// A provider call's body: a load balancer with 10,000 members has about 5 MiB.
pub const BODY: usize = 16 * 1024 * 1024;

/// How long a stop waits for running calls.
pub const SHUTDOWN: Duration = Duration::from_secs(10);

/// Accepted changes and undelivered statuses in the journal, in bytes; beyond this calls are refused with 503.
pub const JOURNAL_BYTES: u64 = 512 * 1024 * 1024;

/// How long a finished change is remembered on disk: longer than anybody asks what became of a call.
pub const JOURNAL_KEEP: Duration = Duration::from_secs(24 * 60 * 60);

/// Ends of changes that are handed to the journal together.
pub const OUTBOX_GROUP: usize = 1_024;

/// After this, Octavia's transaction around a call is over: the driver gives up after 11 s by default (2 s for
/// connecting, 5 s for the answer, twice 2 s for its questions), and Octavia commits or rolls back at once.
pub const OCTAVIA_COMMIT: Duration = Duration::from_secs(30);

/// How long old changes wait for an agent that is not there, before they are carried out as they were asked for: about the
/// time of a restart. Should Octavia have rolled them back, that shows when their statuses are sent.
pub const AGENT_AWAY: Duration = Duration::from_secs(2);

/// The longest pause between two looks at whether Octavia has committed.
pub const OCTAVIA_LOOK: Duration = Duration::from_millis(500);

/// Questions to the driver-agent's get socket at once, whatever they are for: the agent forks for each, and has 50 places for
/// all providers.
pub const OCTAVIA_QUESTIONS: usize = 4;

/// Load balancers that are remembered as about to be created on a port of the user's own: Octavia's calls for one create
/// follow each other within a second.
pub const OWN_VIP_PORTS: usize = 4_096;

/// How long that is remembered: longer than any create takes from its first call to its last.
pub const OWN_VIP_PORT_KEPT: Duration = Duration::from_secs(600);

/// How long Octavia is asked about the overlaps of a call, in all: the caller waits, and gives up after 5 s by default.
pub const OVERLAP_ANSWER: Duration = Duration::from_secs(2);

/// Load balancers that Octavia is asked about for one call's overlaps. A call that overlaps with more is accepted without
/// Octavia's word on the rest, which stay findings.
pub const OVERLAP_QUESTIONS: usize = 8;

/// How often a call is judged anew after Octavia has denied what it overlaps with: others may appear meanwhile.
pub const OVERLAP_ROUNDS: usize = 4;

/// Further overlaps that a refusal names, so that a large batch does not make an endless text.
pub const OVERLAPS_NAMED: usize = 9;

/// How long the driver-agent may take to answer: statuses wait for row locks of Octavia's API.
pub const AGENT_ANSWER: Duration = Duration::from_secs(30);

/// How often the conditions that only inform are evaluated for the log.
pub const CONDITION_LOOK: Duration = Duration::from_secs(1);

/// No condition is logged as false before this time after the start: connections need a moment.
pub const CONDITION_GRACE: Duration = Duration::from_secs(10);

/// What probes say within this is acted upon together: a host that dies takes many members with it.
pub const PROBES_TOGETHER: Duration = Duration::from_millis(100);

/// How long after a member's port went down the load balancer is planned: until then OVN itself has set a check that was online
/// to offline, which outlives the machine's return, so that nobody is sent to a machine that still starts.
pub const PORT_DOWN_SETTLED: Duration = Duration::from_secs(2);

/// How long after Octavia has denied a load balancer `weir sync` asks once more: a create that is not committed yet is denied
/// too.
pub const SYNC_AGAIN: Duration = Duration::from_secs(15);

/// How often Octavia's API is asked for what is in `PENDING_*`: its lists cost Octavia a few queries each.
pub const PENDING_LOOK: Duration = Duration::from_secs(60);

/// Load balancers that are synced after one such look: after the loss of a host with many of them Octavia and the driver-agent
/// have other work too.
pub const PENDING_SYNCS: usize = 10;

/// How long the next one waits for such a sync, which goes on by itself: one whose change never ends must not hold up the
/// others. It is longer than [`SYNC_TRIES`] take. Where `pending_timeout` is shorter, that counts.
pub const PENDING_SYNC: Duration = Duration::from_secs(60);

/// The longest pause before a load balancer that stays in `PENDING_*` is synced again; pauses begin with `pending_timeout` and
/// double.
pub const PENDING_AGAIN_MAX: Duration = Duration::from_secs(60 * 60);

/// `weir sync` takes no port for leaked that is younger: a call may be under way that it is made for, here ([`VIP_PORT`]) or at
/// another host, and Octavia's transaction around it.
pub const PORT_YOUNG: Duration = Duration::from_secs(120);

/// How often `weir sync` reads a load balancer anew that changes meanwhile, with [`OCTAVIA_LOOK`] between: for longer than
/// [`OCTAVIA_COMMIT`].
pub const SYNC_TRIES: usize = 70;

/// `weir sync` takes out at most one of so many load balancers in a run, that is 5 %.
pub const SYNC_REMOVES_ONE_OF: usize = 20;

/// How long `weir check` waits for a connection.
pub const CHECK: Duration = Duration::from_secs(5);

/// After a restart, updates that are younger are compared with Octavia once more: whether that was done is not on disk.
pub const VERIFY_AFTER_RESTART: Duration = Duration::from_secs(10 * 60);

/// Load balancers that are planned again at once after other plugins were taken into use: provider calls go before.
pub const RECONCILE_AT_ONCE: usize = 64;

/// How long after a plugin's failure the load balancer is planned again; doubles to [`UNSETTLED_MAX`].
pub const UNSETTLED_MIN: Duration = Duration::from_secs(1);

/// See [`UNSETTLED_MIN`].
pub const UNSETTLED_MAX: Duration = Duration::from_secs(60);

/// How long an accepted change whose plugin fails now is tried again, before it ends in an error: a plugin that was put out
/// of use is tried every minute, and an operator needs time to replace it.
pub const PLUGIN_PATIENCE: Duration = Duration::from_secs(5 * 60);

/// The pause between two such tries.
pub const PLUGIN_AGAIN: Duration = Duration::from_secs(1);

/// After other plugins were taken into use, load balancers are looked at once more when what was under way then is over.
pub const SWAP_SETTLED: Duration = Duration::from_secs(5);

/// The OVSDB lock under which work is done that nobody has called for: the reference driver's, so that the two exclude each
/// other.
pub const BACKGROUND_LOCK: &str = "neutron_ovn_octavia_event_lock";

/// How long `weir release` waits for [`BACKGROUND_LOCK`] before it says that another host holds it: the server answers at once.
pub const LOCK_ANSWER: Duration = Duration::from_secs(2);

/// A load balancer is looked at when nothing has happened to it for this long: one action of an operator or of Neutron is
/// several transactions, and what follows a provider call's own commit is to be looked at once.
pub const REPAIR_QUIET: Duration = Duration::from_millis(100);

/// However much goes on, it is looked at after this.
pub const REPAIR_QUIET_MAX: Duration = Duration::from_secs(1);

/// Load balancers that are looked at at once without anybody having called for it: provider calls go before.
pub const REPAIR_AT_ONCE: usize = 16;

/// The longest pause between two repairs of a load balancer that somebody else edits again and again; pauses begin with
/// [`REPAIR_QUIET`] and double.
pub const REPAIR_PAUSE_MAX: Duration = Duration::from_secs(15);

/// After this without repair the next edit is repaired at once again.
pub const REPAIR_PEACE: Duration = Duration::from_secs(30);

/// How long a load balancer with changes under way is left alone before it is looked at again.
pub const REPAIR_BUSY: Duration = Duration::from_millis(200);

/// The pause before a repair that could not be done is tried again, and before Octavia is asked again for a load balancer
/// whose rows are all gone.
pub const REPAIR_AGAIN: Duration = Duration::from_secs(60);

/// Changes of the Northbound that are looked at together.
pub const CHANGES_TOGETHER: usize = 256;

/// How long `create_vip_port` may take: Octavia's API waits, and Neutron takes seconds for a port under load. The driver
/// waits 30 s by default.
pub const VIP_PORT: Duration = Duration::from_secs(20);

/// How long a failed `create_vip_port` may take, after [`VIP_PORT`], to free what it has made: the driver must hear of it in
/// time. What stays is freed by a later look at Neutron.
pub const VIP_PORT_TAKEN_BACK: Duration = Duration::from_secs(5);

/// How long the end of a deleted load balancer is held back for its VIP ports: after `--wait` its subnet should be free. A
/// port that cannot be freed in this time is freed later.
pub const VIP_PORT_FREED: Duration = Duration::from_secs(10);

/// How long a health-monitor source port may take to be made.
pub const SOURCE_PORT: Duration = Duration::from_secs(20);

/// How long Neutron may take to write a new source port to the Northbound, before who waits for it is planned all the same.
pub const SOURCE_SHOWN: Duration = Duration::from_secs(20);

/// The pause between two looks for it.
pub const SOURCE_LOOK: Duration = Duration::from_millis(50);

/// Longest time between two looks at Neutron for ports whose load balancer is gone or never came; shorter where
/// `unknown_object_timeout` is, of which it is a third.
pub const PORT_SWEEP: Duration = Duration::from_secs(5 * 60);

/// Octavia must have denied a load balancer so often before its VIP ports are freed.
pub const PORT_DENIALS: u32 = 2;

/// So many per cent of all VIP ports may be freed by one look, but at least [`PORTS_FREED_MIN`]: should more seem to be
/// without load balancer, it is more likely that the Northbound or Octavia is the wrong one.
pub const PORTS_FREED_PER_CENT: usize = 5;

/// See [`PORTS_FREED_PER_CENT`].
pub const PORTS_FREED_MIN: usize = 10;

/// How long after a failed deletion of ports it is tried again; doubles to [`PORT_CLEANUP_MAX`].
pub const PORT_CLEANUP_MIN: Duration = Duration::from_secs(1);

/// See [`PORT_CLEANUP_MIN`]. With [`VIP_PORT_FREED`] for the try it is less than a minute: so long after Neutron's return
/// a subnet may still not be deletable.
pub const PORT_CLEANUP_MAX: Duration = Duration::from_secs(30);

/// Deletions of ports that are tried again at once: Neutron serves users too.
pub const PORT_CLEANUPS_AT_ONCE: usize = 8;

/// How often, with [`SOURCE_LOOK`] between, it is looked at whether a port whose owner has changed is of another type now:
/// Neutron writes both before it answers, and what it writes is here a few milliseconds later.
pub const PORT_TYPE_LOOKS: usize = 40;

/// How long a source port must have been without use before a look frees it: a load balancer may just be getting a monitor.
pub const SOURCE_PORT_IDLE: Duration = Duration::from_secs(60);
