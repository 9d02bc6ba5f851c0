//! Plugins that misbehave: each harms its own call and nothing else.

use std::fs;

use weir_tests::{Host, Northbound, objects::*};

fn with_plugins(northbound: &Northbound, names: &[&str]) -> Vec<&'static str> {
    let folder = northbound.folder().join("plugins");
    fs::create_dir_all(&folder).unwrap();
    let (mut written, mut manifest) = (Vec::new(), String::new());
    for (name, bytes) in weir_sandbox::faulty::all() {
        if names.contains(&name) {
            fs::write(folder.join(format!("{name}.wasm")), bytes).unwrap();
            let entry = format!(
                "[[plugin]]\nname = \"{name}\"\nfile = \"{name}.wasm\"\nserves = {{ protocols = [\"{name}\"] }}\n"
            );
            manifest.push_str(&entry);
            written.push(name);
        }
    }
    fs::write(folder.join("plugins.toml"), manifest).unwrap();
    written
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_answer_is_an_error_of_its_own_call_only() {
    // Guest, what its listener_create is answered with.
    let guests = [
        ("trap", "plugin-trap"),
        ("endless-loop", "plugin-fuel"),
        ("out-of-memory", "plugin-memory"),
        ("deep-recursion", "plugin-stack"),
        ("huge-output", "plugin-output"),
        ("nonsense-indices", "plugin-output"),
        ("duplicate-member", "plugin-output"),
        ("silent-empty", "plugin-output"),
        ("wrong-transport", "plugin-output"),
        ("ungranted-option", "plugin-output"),
    ];
    let available: Vec<_> = weir_sandbox::faulty::all().into_iter().map(|(name, _)| name).collect();
    let northbound = Northbound::start();
    northbound.transact(&topology());
    let names: Vec<_> = guests.iter().map(|(name, _)| *name).collect();
    let written = with_plugins(&northbound, &names);
    assert_eq!(written.len(), names.len(), "of {available:?}");
    let host = Host::start(northbound.folder(), &northbound.remote()).await;
    let client = host.client();
    for (method, body) in calls(1) {
        client.call(method, &body).await.committed();
    }
    let before = northbound.dump();
    for (name, code) in guests {
        // A guest that is only bad with members gets some: a graph with all that one can ask about.
        let mut graph = loadbalancer(2);
        let mut pool = pool(2, 2, None, name)["pool"].clone();
        pool["members"] = vec![member(2, 2)["member"].clone(), member(3, 2)["member"].clone()].into();
        let mut listener = listener(2, 2, name, 81)["listener"].clone();
        listener["default_pool_id"] = id(3, 2).into();
        graph["loadbalancer"]["listeners"] = vec![listener].into();
        graph["loadbalancer"]["pools"] = vec![pool].into();
        let repeated = loadbalancer(1);
        let (answer, good) = tokio::join!(
            client.call("loadbalancer_create", &graph),
            client.call("loadbalancer_create", &repeated)
        );
        assert_eq!(
            (answer.status, answer.body["code"].as_str()),
            (500, Some(code)),
            "{name}: {}",
            answer.body
        );
        assert!(
            answer.body["operator_fault_string"].as_str().unwrap().contains(name),
            "{name}: {}",
            answer.body
        );
        // The other call is a repeated create of a load balancer with children: judged, not harmed.
        assert_eq!(good.body["code"], "exists-and-differs", "{}", good.body);
        assert_eq!(northbound.dump(), before, "{name} has written");
    }
    client.call("member_create", &member(2, 1)).await.committed();
    let plugins = client.get("/v1/plugins").await.body;
    let trapped =
        plugins["plugins"].as_array().unwrap().iter().find(|plugin| plugin["name"] == "trap").unwrap();
    assert_eq!(trapped["failures"].as_u64(), Some(1), "{trapped}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_plugin_stops_the_start_and_is_named() {
    for (file, bytes) in [("broken.wasm", b"not wasm".as_slice()), ("core.wasm", b"\0asm\x01\0\0\0")] {
        let northbound = Northbound::start();
        fs::create_dir_all(northbound.folder().join("plugins")).unwrap();
        fs::write(northbound.folder().join("plugins").join(file), bytes).unwrap();
        let mut host = Host::spawn(northbound.folder(), &northbound.remote(), &[]);
        assert_eq!(host.wait().code(), Some(1));
        assert!(host.log().contains(file), "{}", host.log());
    }
}
