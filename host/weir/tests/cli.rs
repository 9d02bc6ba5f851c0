//! Exit codes and messages of the command line.
#![allow(clippy::unwrap_used)]

use std::process::{Command, Output};

fn weir(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_weir")).args(args).output().unwrap()
}

fn code(output: &Output) -> Option<i32> {
    output.status.code()
}

#[test]
fn help_is_no_error_and_names_the_commands() {
    let output = weir(&["--help"]);
    assert_eq!(code(&output), Some(0));
    assert!(String::from_utf8_lossy(&output.stdout).contains("serve"));
}

#[test]
fn wrong_usage_is_2_and_says_what_is_wrong() {
    let unknown = weir(&["serv"]);
    assert_eq!(code(&unknown), Some(2));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("serv"));
    let missing = weir(&["serve", "--config", "/nowhere/weir.toml"]);
    assert_eq!(code(&missing), Some(2));
    assert!(String::from_utf8_lossy(&missing.stderr).contains("/nowhere/weir.toml"));
}

#[test]
fn an_unknown_key_is_2_and_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("weir.toml");
    std::fs::write(&file, "[ovn]\novn_nb_conection = [\"unix:/x\"]\n").unwrap();
    let output = weir(&["serve", "--config", file.to_str().unwrap()]);
    assert_eq!(code(&output), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("ovn_nb_conection"));
}

#[test]
fn command_says_on_standard_error_which_file_it_reads() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("weir.toml");
    std::fs::write(&file, format!("listen = [\"unix:{}\"]\n", dir.path().join("p.sock").display())).unwrap();
    let line = format!("weir: configuration {}\n", file.display());
    let said = |output: &Output| String::from_utf8_lossy(&output.stderr).into_owned();
    for args in [["--config", file.to_str().unwrap(), "pause"], ["pause", "--config", file.to_str().unwrap()]]
    {
        let output = weir(&args);
        assert_eq!(code(&output), Some(1), "{}", said(&output));
        assert!(said(&output).starts_with(&line) && output.stdout.is_empty(), "{}", said(&output));
    }
    let output = Command::new(env!("CARGO_BIN_EXE_weir"))
        .arg("pause")
        .env("WEIR_CONFIG", "")
        .env("WEIR_LISTEN", format!("unix:{}", dir.path().join("p.sock").display()))
        .output()
        .unwrap();
    assert_eq!(code(&output), Some(1), "{}", said(&output));
    assert!(!said(&output).contains("weir: configuration"), "{}", said(&output));
}

#[test]
fn unknown_variable_is_a_warning_and_a_misspelt_one_wrong_usage() {
    let dir = tempfile::tempdir().unwrap();
    let with = |name: &str| {
        Command::new(env!("CARGO_BIN_EXE_weir"))
            .arg("pause")
            .env("WEIR_LISTEN", format!("unix:{}", dir.path().join("p.sock").display()))
            .env(name, "x")
            .output()
            .unwrap()
    };
    let unknown = with("WEIR_SOMETHING_ELSE");
    assert_eq!(code(&unknown), Some(1));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("WEIR_SOMETHING_ELSE, nothing reads it"));
    let misspelt = with("WEIR_STATE_DRI");
    assert_eq!(code(&misspelt), Some(2));
    assert!(String::from_utf8_lossy(&misspelt.stderr).contains("did you mean WEIR_STATE_DIR?"));
}

#[test]
fn a_place_that_cannot_be_listened_at_is_1() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("file/provider.sock");
    std::fs::write(dir.path().join("file"), "not a folder").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_weir"))
        .arg("serve")
        .env("WEIR_LISTEN", format!("unix:{}", socket.display()))
        .env("WEIR_STATE_DIR", dir.path())
        .env("WEIR_OVN_NB_CONNECTION", format!("unix:{}", dir.path().join("nb.sock").display()))
        .output()
        .unwrap();
    assert_eq!(code(&output), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stderr).contains("provider.sock"));
}

#[test]
fn a_check_names_each_problem_and_makes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let check = |format: &str| {
        Command::new(env!("CARGO_BIN_EXE_weir"))
            .args(["check", "-o", format])
            .env("WEIR_STATE_DIR", &state)
            .env("WEIR_PLUGINS_DIR", dir.path().join("plugins"))
            .env("WEIR_OVN_NB_CONNECTION", format!("unix:{}", dir.path().join("nb.sock").display()))
            .env("WEIR_OVN_SB_CONNECTION", format!("unix:{}", dir.path().join("sb.sock").display()))
            .env("WEIR_OVN_SB_CA_CERT", dir.path().join("ca.pem"))
            .env("WEIR_OCTAVIA_GET_SOCKET", dir.path().join("get.sock"))
            .env("WEIR_OCTAVIA_STATUS_SOCKET", dir.path().join("status.sock"))
            .output()
            .unwrap()
    };
    let text = check("text");
    assert_eq!(code(&text), Some(1));
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    for socket in ["nb.sock", "sb.sock", "ca.pem", "get.sock", "status.sock"] {
        assert!(text.lines().any(|line| line.starts_with("PROBLEM") && line.contains(socket)), "{text}");
    }
    assert!(text.contains("statistics"), "{text}");
    let json = check("json");
    assert_eq!(code(&json), Some(1));
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json.get("ok"), Some(&serde_json::Value::Bool(false)));
    assert!(!state.exists());
}

#[test]
fn the_service_manager_is_told_when_calls_can_come() {
    let dir = tempfile::tempdir().unwrap();
    let notify = dir.path().join("notify.sock");
    let manager = std::os::unix::net::UnixDatagram::bind(&notify).unwrap();
    manager.set_read_timeout(Some(std::time::Duration::from_secs(60))).unwrap();
    let socket = dir.path().join("provider.sock");
    let mut host = Command::new(env!("CARGO_BIN_EXE_weir"))
        .arg("serve")
        .env("NOTIFY_SOCKET", &notify)
        .env("WEIR_LISTEN", format!("unix:{}", socket.display()))
        .env("WEIR_STATE_DIR", dir.path())
        .env("WEIR_PLUGINS_DIR", dir.path().join("plugins"))
        .env("WEIR_OVN_NB_CONNECTION", format!("unix:{}", dir.path().join("nb.sock").display()))
        .spawn()
        .unwrap();
    let mut told = [0; 256];
    let length = manager.recv(&mut told);
    let listens = socket.exists();
    host.kill().unwrap();
    host.wait().unwrap();
    assert_eq!(told.get(..length.unwrap()).unwrap().trim_ascii(), b"READY=1");
    assert!(listens);
}
