//! `weir plan`: what a reconcile would change, without changing it.

use std::process::Command;

use serde_json::{Value, json};
use weir_tests::{host, objects::id};

use crate::{drift::shapes, lab::Lab};

impl Lab {
    /// Runs the command; its exit code and what it prints.
    async fn plan(&self, args: &[&str]) -> (i32, String) {
        let mut command = Command::new(host::binary());
        command.arg("plan").args(args);
        command.env("WEIR_OVN_NB_CONNECTION", self.northbound.remote());
        command.env("WEIR_OVN_SB_CONNECTION", self.southbound.remote());
        command.env("WEIR_OCTAVIA_GET_SOCKET", self.northbound.folder().join("get.sock"));
        command.env("WEIR_PLUGINS_DIR", self.host.plugins());
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let text = if output.stdout.is_empty() { output.stderr } else { output.stdout };
        (output.status.code().unwrap(), String::from_utf8(text).unwrap())
    }

    async fn plan_json(&self, args: &[&str]) -> Value {
        let args: Vec<_> = ["-o", "json"].into_iter().chain(args.iter().copied()).collect();
        let (code, text) = self.plan(&args).await;
        assert_eq!(code, 0, "{text}");
        serde_json::from_str(&text).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_shows_what_repair_would_do_and_changes_nothing() {
    let lab = Lab::start_with(&[("WEIR_REPAIR", "off")]).await;
    for shape in shapes() {
        lab.make(shape).await;
    }
    assert_eq!(lab.plan_json(&[]).await, json!({"checked": 6, "changes": []}));
    let (code, text) = lab.plan(&[]).await;
    assert_eq!((code, text.trim()), (0, "0 of 6 load balancers would change"));

    // An edit that the rows alone do not show: Octavia says what was there.
    lab.by_hand(&[
        json!({"op": "mutate", "table": "Load_Balancer", "where": [["name", "==", id(1, 4)]], "mutations": [["external_ids", "delete", ["set", [format!("listener_{}", id(2, 42))]]]]}),
        json!({"op": "update", "table": "Load_Balancer", "where": [["name", "==", id(1, 3)]], "row": {"name": "renamed"}}),
    ]);
    let before = lab.northbound.dump();
    let plan = lab.plan_json(&[]).await;
    assert_eq!((&plan["checked"], plan["changes"].as_array().unwrap().len()), (&json!(6), 2), "{plan}");
    assert!(plan["changes"].to_string().contains(&format!("listener_{}", id(2, 42))), "{plan}");
    let (_, text) = lab.plan(&["--lb", &id(1, 3)]).await;
    assert!(text.contains(&format!("load balancer {}", id(1, 3))) && text.contains("edited"), "{text}");
    assert!(text.contains("1 of 1 load balancers would change"), "{text}");
    assert_eq!(lab.northbound.dump(), before);

    // What is shown is what is done.
    let (code, text) = lab.plan(&["--lb", &id(1, 99)]).await;
    assert_eq!(code, 1, "{text}");
    assert!(text.contains(&id(1, 99)), "{text}");
}
