//! `weir release` without a host: it writes by itself only where nobody can be listening.

use std::process::{Command, Output};

use weir_tests::{host, objects::id};

use crate::{
    handover::holds,
    lab::{Lab, listener, load_balancer, member, plain_pool},
};

impl Lab {
    pub async fn release(&self, socket: &str) -> Output {
        self.release_with(socket, Command::new(host::binary()), &["release", "--all", "--yes"]).await
    }

    async fn release_with(&self, socket: &str, mut command: Command, args: &[&str]) -> Output {
        command.args(args);
        command.env("WEIR_LISTEN", format!("unix:{}", self.northbound.folder().join(socket).display()));
        command.env("WEIR_OVN_NB_CONNECTION", self.northbound.remote());
        command.env("WEIR_OVN_SB_CONNECTION", self.southbound.remote());
        command.env("WEIR_PLUGINS_DIR", self.host.plugins());
        command.env("WEIR_STATE_DIR", self.host.state());
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_a_host_that_cannot_be_talked_to_nothing_is_written() {
    let mut lab = Lab::start().await;
    let pool = plain_pool(1, 1, "TCP", vec![member(1, 1, 10)]);
    lab.make(load_balancer(1, vec![listener(1, 1, "TCP", 80, 1)], vec![pool])).await;
    lab.host.kill();
    let before = lab.northbound.dump();
    // Somebody listens, and every connection breaks.
    let broken = tokio::net::UnixListener::bind(lab.northbound.folder().join("broken.sock")).unwrap();
    let breaking = tokio::spawn(async move { while broken.accept().await.is_ok() {} });
    let output = lab.release("broken.sock").await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("broken.sock"), "{said}");
    assert_eq!(lab.northbound.dump(), before);
    breaking.abort();

    let output = lab.release("nobody.sock").await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let row = lab.northbound.load_balancer(&id(1, 1));
    assert!(!row["external_ids"].to_string().contains("weir:"), "{row}");
}

async fn with_one() -> Lab {
    let lab = Lab::start().await;
    let pool = plain_pool(1, 1, "TCP", vec![member(1, 1, 10)]);
    lab.make(load_balancer(1, vec![listener(1, 1, "TCP", 80, 1)], vec![pool])).await;
    lab
}

#[tokio::test(flavor = "multi_thread")]
async fn release_beside_a_host_that_listens_elsewhere_writes_nothing() {
    let mut lab = with_one().await;
    holds(&lab.client(), 1.0).await;
    let before = lab.northbound.dump();
    // Nobody listens where the defaults say.
    let output = lab.release("nobody.sock").await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("holds the lock") && said.contains("--config"), "{said}");
    assert_eq!(lab.northbound.dump(), before);
    let dry = ["release", "--all", "--dry-run"];
    let output = lab.release_with("nobody.sock", Command::new(host::binary()), &dry).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    lab.host.kill();
    let output = lab.release("nobody.sock").await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn release_of_all_asks_on_a_terminal_and_needs_yes_elsewhere() {
    let lab = with_one().await;
    let before = lab.northbound.dump();
    let all = ["release", "--all"];
    let output = lab.release_with("provider.sock", Command::new(host::binary()), &all).await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("--yes"), "{said}");
    assert_eq!(lab.northbound.dump(), before);
    // `script` gives the command a terminal of its own.
    for (answer, released) in [("no", false), ("yes", true)] {
        let typed =
            format!("echo {answer} | script -qec '{} release --all' /dev/null", host::binary().display());
        let output = lab.release_with("provider.sock", Command::new("sh"), &["-c", &typed]).await;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(said.contains("Release all load balancers of deployment \"weir\"?"), "{said}");
        assert_eq!(output.status.success(), released, "{said}");
        assert_eq!(lab.northbound.dump() != before, released, "{said}");
    }
}
