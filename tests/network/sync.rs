//! `weir sync`: every load balancer becomes as Octavia says, one by one, and what Octavia denies is listed.

use std::process::Command;

use serde_json::{Value, json};
use weir_neutron::testing::{FakeCloud, Trouble};
use weir_tests::{
    eventually, host,
    objects::{NETWORK, SUBNET, id},
};

use crate::lab::{Lab, listener, load_balancer, member, plain_pool, pool};

impl Lab {
    /// Runs the command; its exit code and its report.
    async fn sync(&self, args: &[&str]) -> (i32, Value) {
        let mut command = Command::new(host::binary());
        command.args(["sync", "-o", "json"]).args(args);
        command.env("WEIR_LISTEN", format!("unix:{}", self.host.socket().display()));
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let report = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| String::from_utf8_lossy(&output.stderr).into_owned().into());
        (output.status.code().unwrap(), report)
    }
}

fn simple(n: usize) -> Value {
    let members = vec![member(n, n, 10)];
    load_balancer(n, vec![listener(n, n, "TCP", 80, n)], vec![plain_pool(n, n, "TCP", members)])
}

fn outcome(report: &Value, n: usize) -> Value {
    let lines = report["loadbalancers"].as_array().unwrap_or_else(|| panic!("{report}"));
    lines.iter().find(|line| line["id"] == id(1, n)).unwrap_or_else(|| panic!("{report}"))["outcome"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_and_statuses_become_as_octavia_says() {
    // Unasked, it would be put right before anybody asks.
    let lab = Lab::start_with(&[("WEIR_REPAIR", "off")]).await;
    for n in 1..=3 {
        lab.make(simple(n)).await;
    }
    let good = lab.northbound.state();
    // Octavia has another member and another listener; somebody has emptied rows by hand.
    let mut second = simple(2);
    second["pools"][0]["members"] = json!([member(2, 2, 10), member(22, 2, 11)]);
    lab.agent.know(second);
    lab.northbound.transact(&[json!({"op": "update", "table": "Load_Balancer", "where": [["name", "==", id(1, 1)]],
        "row": {"vips": ["map", []], "external_ids": ["map", [["neutron:vip", "10.10.10.5"], ["weir:owner", "weir"]]]}})]);
    let (code, report) = lab.sync(&["--dry-run"]).await;
    assert_eq!(
        (code, outcome(&report, 1), outcome(&report, 3)),
        (0, json!("repaired"), json!("in-order")),
        "{report}"
    );
    assert_eq!(lab.northbound.load_balancer(&id(1, 1))["vips"], json!({}), "a dry run changes nothing");
    let before = lab.agent.messages().len();

    let (code, report) = lab.sync(&[]).await;
    assert_eq!(
        (code, outcome(&report, 1), outcome(&report, 2)),
        (0, json!("repaired"), json!("repaired")),
        "{report}"
    );
    let state = lab.northbound.state();
    assert_eq!(state["load_balancers"].as_array().unwrap().len(), 3);
    assert_eq!(lab.northbound.load_balancer(&id(1, 1))["vips"], json!({"10.10.10.5:80": "10.10.10.10:8080"}));
    assert_eq!(
        lab.northbound.load_balancer(&id(1, 2))["vips"],
        json!({"10.10.10.6:80": "10.10.10.10:8080,10.10.10.11:8080"})
    );
    assert_eq!(lab.northbound.load_balancer(&id(1, 3))["vips"], json!({"10.10.10.7:80": "10.10.10.10:8080"}));
    assert_eq!(state["logical_switches"], good["logical_switches"]);
    // Also what was in order is let go, should it be held up.
    eventually("all is told", async || {
        let messages: Vec<_> = lab.agent.messages().into_iter().skip(before).collect();
        let told = |object: &str| messages.iter().any(|message| message.to_string().contains(object));
        [id(1, 3), id(2, 3), id(3, 3), id(4, 3), id(4, 22)].iter().all(|object| told(object)).then_some(())
    })
    .await;
    assert_eq!(lab.agent.status(&id(4, 22)).0.as_deref(), Some("ACTIVE"));
    let (code, report) = lab.sync(&["--lb", &id(1, 1)]).await;
    assert_eq!((code, report["loadbalancers"].as_array().unwrap().len()), (0, 1), "{report}");
    assert_eq!(outcome(&report, 1), "in-order");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_octavia_has_not_heard_of_yet_is_not_undone() {
    let lab = Lab::start_with(&[("WEIR_REPAIR", "off")]).await;
    let mut both = simple(1);
    both["pools"][0]["members"] = json!([member(1, 1, 10), member(2, 1, 11)]);
    lab.make(both).await;
    // The driver-agent is busy: Octavia shows the member until it has been told.
    lab.agent.hold_statuses(true);
    lab.client().call("member_delete", &json!({"member": member(2, 1, 11)})).await.committed();
    let vips = json!({"10.10.10.5:80": "10.10.10.10:8080"});
    let watching = async {
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        assert_eq!(lab.vips(), vips, "the member that was deleted is back");
        lab.agent.know(simple(1));
        lab.agent.hold_statuses(false);
    };
    let ((code, report), ()) = tokio::join!(lab.sync(&[]), watching);
    assert_eq!((code, outcome(&report, 1)), (0, json!("in-order")), "{report}");
    assert_eq!(lab.vips(), vips);
    assert_eq!(lab.agent.status(&id(4, 2)).0.as_deref(), Some("DELETED"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_octavia_denies_is_listed_and_taken_out_only_on_request_and_few_at_a_time() {
    let lab = Lab::start().await;
    for n in 1..=4 {
        lab.make(simple(n)).await;
    }
    lab.agent.forget(&id(1, 2));
    lab.agent.forget(&id(1, 3));
    let (code, report) = lab.sync(&[]).await;
    assert_eq!(
        (code, outcome(&report, 2), outcome(&report, 3)),
        (1, json!("leaked"), json!("leaked")),
        "{report}"
    );
    assert_eq!(lab.northbound.rows(&id(1, 2)).len(), 1);
    // One of four is the most that a run takes out.
    let (code, report) = lab.sync(&["--remove-leaked"]).await;
    assert_eq!((code, &report["kept_back"]), (1, &json!(1)), "{report}");
    assert_eq!((outcome(&report, 2), outcome(&report, 3)), (json!("removed"), json!("leaked")));
    assert_eq!((lab.northbound.rows(&id(1, 2)).len(), lab.northbound.rows(&id(1, 3)).len()), (0, 1));
    // One that Octavia knows again is no longer denied.
    lab.agent.know(simple(3));
    let (code, report) = lab.sync(&["--remove-leaked"]).await;
    assert_eq!((code, outcome(&report, 3)), (0, json!("in-order")), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_fails_does_not_hold_up_the_others() {
    // Unasked, it would be put right before anybody asks.
    let lab = Lab::start_with(&[("WEIR_REPAIR", "off")]).await;
    lab.make(simple(1)).await;
    lab.make(simple(2)).await;
    // Octavia's version of the first cannot be in OVN, that of the second can.
    let mut first = simple(1);
    first["listeners"][0]["protocol"] = "HTTP".into();
    first["listeners"][0]["protocol_port"] = "eighty".into();
    lab.agent.know(first);
    lab.northbound
        .transact(&[json!({"op": "update", "table": "Load_Balancer", "where": [["name", "==", id(1, 2)]],
        "row": {"vips": ["map", []]}})]);
    let (code, report) = lab.sync(&[]).await;
    assert_eq!(
        (code, outcome(&report, 1), outcome(&report, 2)),
        (1, json!("failed"), json!("repaired")),
        "{report}"
    );
    assert_eq!(lab.northbound.load_balancer(&id(1, 2))["vips"], json!({"10.10.10.6:80": "10.10.10.10:8080"}));
    let (code, report) = lab.sync(&["--lb", &id(1, 9)]).await;
    assert_eq!(code, 1);
    assert!(report.as_str().unwrap().contains("is not known"), "{report}");
}

async fn with_cloud() -> (FakeCloud, Lab) {
    let cloud = FakeCloud::start().await;
    let auth_url = format!("{}/identity", cloud.url);
    let lab = Lab::start_with(&[
        ("WEIR_NEUTRON_AUTH_URL", &auth_url),
        ("WEIR_NEUTRON_USERNAME", "weir"),
        ("WEIR_NEUTRON_PASSWORD", "secret-password"),
        ("WEIR_NEUTRON_USER_DOMAIN_NAME", "Default"),
        ("WEIR_NEUTRON_PROJECT_NAME", "service"),
        ("WEIR_NEUTRON_PROJECT_DOMAIN_NAME", "Default"),
        ("WEIR_NEUTRON_REGION_NAME", "one"),
    ])
    .await;
    (cloud, lab)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_octavias_list_knows_is_made() {
    let (cloud, lab) = with_cloud().await;
    lab.make(simple(1)).await;
    for (n, provider, status) in
        [(1, "weir", "ACTIVE"), (2, "weir", "ERROR"), (3, "amphora", "ACTIVE"), (4, "weir", "PENDING_DELETE")]
    {
        cloud.add_load_balancer(&id(1, n), provider, status);
        lab.agent.know(simple(n));
    }
    // On pages of one.
    cloud.page(1);
    let (code, report) = lab.sync(&[]).await;
    assert_eq!(
        (code, outcome(&report, 1), outcome(&report, 2)),
        (0, json!("in-order"), json!("repaired")),
        "{report}"
    );
    assert_eq!(report["listed"], json!({"state": "listed", "loadbalancers": 3}));
    assert_eq!(report["loadbalancers"].as_array().unwrap().len(), 2);
    assert_eq!(lab.northbound.load_balancer(&id(1, 2))["vips"], json!({"10.10.10.6:80": "10.10.10.10:8080"}));
    assert_eq!(lab.northbound.rows(&id(1, 3)), Vec::<Value>::new(), "another provider's");
    assert_eq!(lab.northbound.rows(&id(1, 4)), Vec::<Value>::new(), "it is being deleted");
    // One by its name, without the list.
    let (code, report) = lab.sync(&["--lb", &id(1, 4)]).await;
    assert_eq!((code, outcome(&report, 4)), (0, json!("repaired")), "{report}");
    assert_eq!(report["listed"], json!({"state": "not-asked"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_octavia_that_does_not_list_is_told_and_holds_nothing_up() {
    let (cloud, lab) = with_cloud().await;
    lab.make(simple(1)).await;
    let refusal =
        json!({"faultcode": "Client", "faultstring": "Policy does not allow this request to be performed."});
    cloud.trouble("GET", "/lbaas/loadbalancers", Trouble::Status(403, None, refusal));
    let (code, report) = lab.sync(&[]).await;
    assert_eq!((code, outcome(&report, 1)), (0, json!("in-order")), "{report}");
    assert_eq!(report["listed"]["state"], "failed");
    assert!(report["listed"]["why"].as_str().unwrap().contains("Policy does not allow"), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn provider_name_that_octavia_does_not_have_is_told() {
    let (cloud, lab) = with_cloud().await;
    lab.make(simple(1)).await;
    cloud.add_load_balancer(&id(1, 1), "ovn", "ACTIVE");
    let (code, report) = lab.sync(&[]).await;
    assert_eq!((code, outcome(&report, 1)), (0, json!("in-order")), "{report}");
    assert_eq!(report["listed"]["state"], "failed");
    assert!(report["listed"]["why"].as_str().unwrap().contains("[octavia] provider"), "{report}");
    cloud.providers(&["amphora", "ovn"]);
    let (_, report) = lab.sync(&[]).await;
    assert!(report["listed"]["why"].as_str().unwrap().contains("amphora, ovn"), "{report}");
    // An account that sees its own project alone would list nothing.
    cloud.own_project_only(true);
    let (_, report) = lab.sync(&[]).await;
    assert!(report["listed"]["why"].as_str().unwrap().contains("load-balancer_global_observer"), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn l7_policies_are_told_error() {
    let lab = Lab::start().await;
    lab.make(simple(1)).await;
    // As an earlier version has left them.
    let mut stored = simple(1);
    let rule = json!({"l7rule_id": id(8, 1), "l7policy_id": id(7, 1), "type": "PATH", "compare_type": "STARTS_WITH"});
    stored["listeners"][0]["l7policies"] =
        json!([{"l7policy_id": id(7, 1), "listener_id": id(2, 1), "action": "REJECT", "rules": [rule]}]);
    lab.agent.know(stored);
    let (code, report) = lab.sync(&[]).await;
    assert_eq!((code, outcome(&report, 1)), (0, json!("in-order")), "{report}");
    for object in [id(7, 1), id(8, 1)] {
        lab.told(&object, "ERROR").await;
        assert_eq!(lab.agent.status(&object).0.as_deref(), Some("ERROR"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ports_that_nobody_needs_are_listed_and_freed_on_request() {
    let (cloud, lab) = with_cloud().await;
    lab.make(simple(1)).await;
    let vip_port = |n: usize| {
        json!({"id": id(6, n), "name": format!("ovn-lb-vip-{}", id(1, n)), "device_id": format!("lb-{}", id(1, n)),
            "device_owner": "ovn-lb:vip", "network_id": NETWORK, "fixed_ips": []})
    };
    // One in use, one that Octavia knows, two that nobody knows, and somebody's with such a name.
    for n in [1, 2, 7, 8] {
        cloud.add_port(vip_port(n));
    }
    lab.agent.know(simple(2));
    let mut others = vip_port(9);
    others["device_owner"] = "compute:nova".into();
    cloud.add_port(others);
    // One that a call may be under way for.
    let mut young = vip_port(10);
    young["created_at"] = now().into();
    cloud.add_port(young);
    let (code, report) = lab.sync(&[]).await;
    let name = |n: usize| format!("ovn-lb-vip-{}", id(1, n));
    let line = |n: usize, outcome: &str| json!({"id": id(6, n), "name": name(n), "outcome": outcome});
    assert_eq!((code, &report["ports"]), (1, &json!([line(7, "leaked"), line(8, "leaked")])), "{report}");
    assert_eq!(cloud.ports().len(), 6, "nothing is freed unasked");
    let (code, report) = lab.sync(&["--remove-leaked"]).await;
    assert_eq!((code, &report["ports"]), (1, &json!([line(7, "removed"), line(8, "leaked")])), "one a run");
    let left: Vec<_> = cloud.ports().iter().map(|port| port["id"].clone()).collect();
    assert_eq!(json!(left), json!([id(6, 1), id(6, 2), id(6, 8), id(6, 9), id(6, 10)]));
}

/// As Neutron writes times.
fn now() -> String {
    let output = Command::new("date").args(["-u", "+%Y-%m-%dT%H:%M:%SZ"]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_port_is_used_on_its_own_network_alone() {
    let (cloud, lab) = with_cloud().await;
    let source = |n: usize, network: &str, subnet: &str| {
        let name = format!("ovn-lb-hm-{subnet}");
        json!({"id": id(6, n), "name": name, "device_id": name, "device_owner": "ovn-lb-hm:distributed",
            "network_id": network, "fixed_ips": [{"subnet_id": subnet, "ip_address": "10.10.10.100"}]})
    };
    // Another tenant has the same addresses.
    cloud.add_port(source(1, NETWORK, SUBNET));
    cloud.add_port(source(2, &id(8, 1), &id(9, 1)));
    let probed = vec![pool(1, "TCP", "TCP", vec![member(1, 1, 10)])];
    lab.make(load_balancer(1, vec![listener(1, 1, "TCP", 80, 1)], probed)).await;
    let (code, report) = lab.sync(&["--remove-leaked"]).await;
    let idle = json!([{"id": id(6, 2), "name": format!("ovn-lb-hm-{}", id(9, 1)), "outcome": "removed"}]);
    assert_eq!((code, &report["ports"]), (0, &idle), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sync_of_a_named_load_balancer_of_somebody_else_is_a_problem() {
    let lab = Lab::start().await;
    lab.by_hand(&crate::drift::foreign());
    let name = id(1, 900);
    let (code, report) = lab.sync(&["--lb", &name]).await;
    assert_eq!((code, &report["loadbalancers"][0]["outcome"]), (1, &json!("foreign")), "{report}");
}
