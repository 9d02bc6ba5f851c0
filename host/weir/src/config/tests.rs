use super::*;

fn read(text: &str, env: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::read("weir.toml", text, env)
}

fn error(text: &str, env: &[(&str, &str)]) -> String {
    read(text, env).unwrap_err().to_string()
}

#[test]
fn nothing_said_is_the_documented_default() {
    let config = read("", &[]).unwrap();
    assert_eq!(config, Config::default());
    assert_eq!(config.ovn.ovsdb_connection_timeout, 180);
    assert_eq!(config.listen, ["unix:/run/weir/provider.sock"]);
}

#[test]
fn every_default_can_be_written_down_and_read_again() {
    let text = toml::to_string(&Config::default()).unwrap();
    assert_eq!(read(&text, &[]).unwrap(), Config::default());
}

#[test]
fn unknown_keys_are_errors_that_name_them() {
    assert!(error("listen = []", &[]).contains("listen"));
    assert!(error("[ovn]\novn_nb_conection = []", &[]).contains("ovn_nb_conection"));
}

#[test]
fn the_environment_wins_and_takes_lists() {
    let text = "state_dir = \"/a\"\n[ovn]\novn_nb_connection = [\"unix:/x\"]\n";
    let env =
        [("WEIR_STATE_DIR", "/b"), ("WEIR_OVN_NB_CONNECTION", "tcp:127.0.0.1:6641, tcp:127.0.0.2:6641")];
    let config = read(text, &env).unwrap();
    assert_eq!(config.state_dir, PathBuf::from("/b"));
    assert_eq!(config.northbound().unwrap().len(), 2);
    assert!(
        error("", &[("WEIR_OVN_OVSDB_PROBE_INTERVAL", "soon")]).contains("WEIR_OVN_OVSDB_PROBE_INTERVAL")
    );
    assert!(read("[compat]\nbgp_agent = true", &[]).unwrap().compat.bgp_agent);
    assert!(read("", &[("WEIR_COMPAT_BGP_AGENT", "true")]).unwrap().compat.bgp_agent);
    assert_eq!(read("", &[("WEIR_ADOPT", "all")]).unwrap().ownership().adopt, Adopt::All);
}

#[test]
fn every_key_has_an_environment_variable() {
    let table: toml::Table = toml::from_str(&toml::to_string(&Config::default()).unwrap()).unwrap();
    let keys = table.iter().flat_map(|(key, value)| match value {
        toml::Value::Table(section) => section.keys().map(|inner| (key.as_str(), inner.as_str())).collect(),
        _ => vec![("", key.as_str())],
    });
    let missing: Vec<_> = keys.filter(|(section, key)| !environment::has_variable(section, key)).collect();
    assert_eq!(missing, []);
    let distributed = read("", &[("WEIR_MEMBER_FLOATING_IPS", "distributed")]).unwrap();
    assert_eq!(distributed.ownership().member_floating_ips, MemberFloatingIps::Distributed);
    assert!(error("member_floating_ips = \"none\"", &[]).contains("member_floating_ips"));
}

#[test]
fn unknown_variable_is_reported_and_a_misspelt_one_is_refused() {
    let unknown =
        |names: &[&str]| environment::unknown(names.iter().map(|name| ((*name).to_owned(), String::new())));
    let told = unknown(&["WEIR_STATE_DIR", "WEIR_PORT", "WEIR_LOG", "WEIR_SKIP_OCTAVIA", "PATH"]);
    assert_eq!(told.unwrap(), ["WEIR_PORT"]);
    for (name, meant) in [
        ("WEIR_STATEDIR", "WEIR_STATE_DIR"),
        ("WEIR_OVN_NB_CONECTIONS", "WEIR_OVN_NB_CONNECTION"),
        ("WEIR_LISTNE", "WEIR_LISTEN"),
        ("WEIR_PLUGIN_DIR", "WEIR_PLUGINS_DIR"),
        ("WEIR_DEFAULTS_REJCT", "WEIR_DEFAULTS_REJECT"),
        ("WEIR_CONFG", "WEIR_CONFIG"),
    ] {
        let error = unknown(&[name]).unwrap_err();
        assert!(error.contains(name) && error.contains(meant), "{error}");
    }
    let service = [("WEIR_VIP_PORT".to_owned(), "tcp://10.0.0.1:80".to_owned())];
    assert_eq!(environment::unknown(service.into_iter()).unwrap(), [""; 0]);
    let tests = ["WEIR_OCTAVIA_STACKS", "WEIR_OCTAVIA_ALL", "WEIR_BLESS", "WEIR_REAL_KEEP", "WEIR_OVN_ROOT"];
    assert_eq!(unknown(&tests).unwrap(), [""; 0]);
}

#[test]
fn list_of_servers_may_be_one_text_as_in_octavia_conf() {
    let text = "[ovn]\novn_nb_connection = \"tcp:127.0.0.1:6641, tcp:127.0.0.2:6641\"\novn_sb_connection = \"unix:/x\"";
    let config = read(text, &[]).unwrap();
    assert_eq!(config.northbound().unwrap().len(), 2);
    assert_eq!(config.ovn.ovn_sb_connection, ["unix:/x"]);
    assert!(error("[ovn]\novn_nb_connection = 6641", &[]).contains("a list of texts"));
}

#[test]
fn adoption_that_is_no_word_and_no_list_of_ids_is_told_in_plain_words() {
    for text in ["adopt = [\"foo\"]", "adopt = \"some\"", "adopt = 3"] {
        let error = error(text, &[]);
        assert!(error.contains("adopt") && error.contains("\"none\", \"all\" or a list"), "{error}");
    }
}

#[test]
fn wrong_values_are_named() {
    assert!(error("listen = [\"http://x\"]", &[]).contains("http://x"));
    assert!(error("listen = [\"tcp:127.0.0.1:1\"]", &[]).contains("token"));
    assert!(error("[tls]\ncertificate = \"c\"", &[]).contains("tls.private_key"));
    assert!(error("[tls]\nclient_ca = \"c\"", &[]).contains("tls.certificate"));
    let tls = "listen = [\"tcp:127.0.0.1:1\"]\n[tls]\ncertificate = \"c\"\nprivate_key = \"k\"\n";
    assert!(error(tls, &[]).contains("token"));
    assert!(read(&format!("{tls}client_ca = \"a\""), &[]).is_ok());
    assert!(error("adopt = \"some\"", &[]).contains("adopt"));
    assert!(error("[ovn]\novn_nb_connection = [\"pipe:x\"]", &[]).contains("pipe:x"));
    assert!(error("[ovn]\novn_nb_connection = [\"ssl:h:1\"]", &[]).contains("ovn_nb_ca_cert"));
    assert!(error("[ovn]\novn_nb_private_key = \"k\"", &[]).contains("ovn_nb_private_key"));
    assert!(error("deployment = \"\"", &[]).contains("deployment"));
    assert!(error("[ovn]\novsdb_probe_interval = -1", &[]).contains("ovsdb_probe_interval"));
}

#[test]
fn defaults_take_the_keys_of_flavors_from_file_and_environment() {
    let text = "[defaults]\nreject = true\naffinity_timeout = 60\nneighbor_responder = \"All\"\n";
    let config =
        read(text, &[("WEIR_DEFAULTS_CT_FLUSH", "false"), ("WEIR_DEFAULTS_REJECT", "False")]).unwrap();
    let set = |config: &Config| {
        config.defaults.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(set(&config), "affinity_timeout=60 ct_flush=false neighbor_responder=all reject=false");
    let again = toml::to_string(&config).unwrap();
    assert_eq!(read(&again, &[]).unwrap(), config);
    let unknown = error("[defaults]\nrejct = true", &[]);
    assert!(unknown.contains("defaults.rejct") && unknown.contains("reject, skip_snat"), "{unknown}");
    for wrong in ["reject = 1", "reject = []", "affinity_timeout = 0", "hairpin_snat_ip = \"host\""] {
        let text = error(&format!("[defaults]\n{wrong}"), &[]);
        assert!(text.contains("expected") && text.contains(wrong.split(' ').next().unwrap()), "{text}");
    }
    assert!(error("", &[("WEIR_DEFAULTS_REJECT", "soon")]).contains("defaults.reject"));
}

#[test]
fn neutron_is_named_key_by_key_and_its_secrets_come_from_anywhere() {
    let text = "[neutron]\nauth_url = \"http://k:5000\"\nusername = \"weir\"\nuser_domain_name = \"Default\"\n\
                project_name = \"service\"\nproject_domain_name = \"Default\"\n";
    let missing = error(text, &[]);
    assert!(missing.contains("[neutron] password"), "{missing}");
    let config = read(text, &[("WEIR_NEUTRON_PASSWORD", "hunter2")]).unwrap();
    assert!(config.neutron().unwrap().is_some());
    assert!(!format!("{config:?}").contains("hunter2"));
    assert!(!toml::to_string(&config).unwrap().contains("hunter2"));
    let unknown = error(&format!("{text}pasword = \"hunter2\"\n"), &[]);
    assert!(unknown.contains("pasword"), "{unknown}");
    let wrong = [("WEIR_NEUTRON_PASSWORD", "hunter2"), ("WEIR_NEUTRON_INTERFACE", "private")];
    let wrong = error(text, &wrong);
    assert!(wrong.contains("[neutron] interface") && !wrong.contains("hunter2"), "{wrong}");
    assert!(error("[neutron]\n", &[]).contains("[neutron] auth_url"));
    assert_eq!(read("", &[]).unwrap().neutron().unwrap(), None);
}
