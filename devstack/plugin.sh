# DevStack's plugin for Weir: builds and runs the host, installs the driver into Octavia, configures both.
# DevStack sources this file with a mode and a phase, such as `stack install`. The settings are in `settings`.
# shellcheck shell=bash

# The `weir` program.
function weir_binary {
    echo "${WEIR_BIN:-${CARGO_TARGET_DIR:-$WEIR_DIR/target}/release/weir}"
}

function weir_check_settings {
    if [[ ${Q_AGENT:-} != ovn && ${NEUTRON_AGENT:-} != ovn ]]; then
        die $LINENO "Weir needs OVN: set Q_AGENT=ovn"
    fi
    if ! is_service_enabled o-da; then
        die $LINENO "Weir reports statuses through octavia-driver-agent on its own machine: enable_service o-da"
    fi
    if [[ $WEIR_PROVIDER != ovn && $WEIR_PROVIDER != weir ]]; then
        die $LINENO "WEIR_PROVIDER must be ovn or weir, not $WEIR_PROVIDER"
    fi
    if [[ $WEIR_PROVIDER == ovn && -d ${GITDIR[ovn-octavia-provider]:-/nonexistent}/ovn_octavia_provider ]]; then
        die $LINENO "The plugin ovn-octavia-provider is also enabled, and both are Octavia's provider ovn:" \
            "remove its enable_plugin line, or set WEIR_PROVIDER=weir"
    fi
}

# install

# Prints the path of cargo; installs rustup where there is none. rust-toolchain.toml says which toolchain rustup fetches.
function weir_find_cargo {
    type -p cargo || { [[ -x $HOME/.cargo/bin/cargo ]] && echo "$HOME/.cargo/bin/cargo"; }
}

function weir_build {
    local binary cargo
    binary=$(weir_binary)
    if [[ -n $WEIR_BIN ]]; then
        [[ -x $WEIR_BIN ]] || die $LINENO "WEIR_BIN=$WEIR_BIN is not an executable file"
        return 0
    fi
    if [[ ${OFFLINE:-False} == True && -x $binary ]]; then
        return 0
    fi
    if ! cargo=$(weir_find_cargo); then
        install_package rustup || true
        cargo=$(weir_find_cargo) ||
            die $LINENO "There is no cargo: install rustup (https://rustup.rs) as user $STACK_USER, or set WEIR_BIN"
    fi
    (cd "$WEIR_DIR" && "$cargo" build --release --locked -p weir)
}

# Calls pip_uninstall on the environment that pip_install installs into.
function weir_pip_uninstall {
    local environment=${PIP_VIRTUAL_ENV:-}
    if [[ ${GLOBAL_VENV:-False} == True && -d ${DEVSTACK_VENV:-} ]]; then
        environment=$DEVSTACK_VENV
    fi
    PIP_VIRTUAL_ENV=$environment pip_uninstall "$1"
}

function weir_install_driver {
    local copy driver=$WEIR_DIR/host/octavia/driver
    # Built from a copy: setuptools writes beside the sources, and pip may run as root.
    copy=$(mktemp -d)
    chmod 755 "$copy"
    mkdir -p "$copy/driver" "$copy/ovn"
    cp -r "$driver/pyproject.toml" "$driver/README.md" "$driver/weir_octavia" "$copy/driver/"
    cp -r "$driver/ovn/pyproject.toml" "$driver/ovn/weir_octavia_ovn" "$copy/ovn/"
    if [[ $WEIR_PROVIDER == ovn ]]; then
        # An earlier run of DevStack may have installed it. Octavia must find one driver of the name ovn.
        weir_pip_uninstall ovn-octavia-provider
        pip_install "$copy/driver" "$copy/ovn"
    else
        weir_pip_uninstall weir-octavia-ovn
        pip_install "$copy/driver"
    fi
    sudo rm -rf "$copy"
}

# post-config

# Prints a TOML string.
function weir_toml_string {
    local text=${1//\\/\\\\}
    echo "\"${text//\"/\\\"}\""
}

# Prints a TOML list of strings; the argument has commas between them.
function weir_toml_list {
    local item list=
    for item in ${1//,/ }; do
        list+="${list:+, }$(weir_toml_string "$item")"
    done
    echo "[$list]"
}

# Prints the path of one of octavia-driver-agent's sockets: status, stats or get.
function weir_agent_socket {
    local path
    path=$(iniget "$OCTAVIA_CONF" driver_agent "$1_socket_path")
    echo "${path:-$OCTAVIA_RUN_DIR/$1.sock}"
}

function weir_print_configuration {
    local protocol=tcp database
    if is_service_enabled tls-proxy; then
        protocol=ssl
    fi
    cat <<END
# Written by devstack/plugin.sh; the next stack.sh writes it again.
listen = [$(weir_toml_string "unix:$WEIR_RUN_DIR/provider.sock")]
state_dir = $(weir_toml_string "$WEIR_STATE_DIR")

[ovn]
ovn_nb_connection = $(weir_toml_list "${WEIR_NB_REMOTE:-${OVN_NB_REMOTE:-$protocol:$SERVICE_HOST:6641}}")
ovn_sb_connection = $(weir_toml_list "${WEIR_SB_REMOTE:-${OVN_SB_REMOTE:-$protocol:$SERVICE_HOST:6642}}")
END
    if is_service_enabled tls-proxy; then
        for database in nb sb; do
            cat <<END
ovn_${database}_ca_cert = $(weir_toml_string "$INT_CA_DIR/ca-chain.pem")
ovn_${database}_certificate = $(weir_toml_string "$INT_CA_DIR/$DEVSTACK_CERT_NAME.crt")
ovn_${database}_private_key = $(weir_toml_string "$INT_CA_DIR/private/$DEVSTACK_CERT_NAME.key")
END
        done
    fi
    cat <<END

[octavia]
status_socket = $(weir_toml_string "$(weir_agent_socket status)")
stats_socket = $(weir_toml_string "$(weir_agent_socket stats)")
get_socket = $(weir_toml_string "$(weir_agent_socket get)")
provider = $(weir_toml_string "$WEIR_PROVIDER")

[neutron]
auth_url = $(weir_toml_string "$KEYSTONE_SERVICE_URI")
username = $(weir_toml_string "$WEIR_USERNAME")
password = $(weir_toml_string "$SERVICE_PASSWORD")
user_domain_name = $(weir_toml_string "${SERVICE_DOMAIN_NAME:-Default}")
project_name = $(weir_toml_string "${SERVICE_PROJECT_NAME:-service}")
project_domain_name = $(weir_toml_string "${SERVICE_DOMAIN_NAME:-Default}")
region_name = $(weir_toml_string "$REGION_NAME")
END
    if is_service_enabled tls-proxy; then
        echo "cafile = $(weir_toml_string "$SSL_BUNDLE_FILE")"
    fi
    cat <<END

[plugins]
dir = $(weir_toml_string "$WEIR_CONF_DIR/plugins")
END
}

function weir_make_folders {
    sudo install -d -m 755 -o "$STACK_USER" "$WEIR_CONF_DIR" "$WEIR_CONF_DIR/plugins"
    sudo install -d -m 700 -o "$STACK_USER" "$WEIR_STATE_DIR"
    # A reboot empties /run: `stack.sh` makes the folder again.
    sudo install -d -m 755 -o "$STACK_USER" "$WEIR_RUN_DIR"
}

function weir_configure_host {
    local xtrace
    # The password must not be in the log.
    xtrace=$(set +o | grep xtrace)
    set +o xtrace
    (umask 077 && weir_print_configuration >"$WEIR_CONF.new")
    mv "$WEIR_CONF.new" "$WEIR_CONF"
    $xtrace
}

function weir_configure_octavia {
    local drivers=$OCTAVIA_PROVIDER_DRIVERS agents
    if [[ -z $drivers ]] && is_service_enabled o-cw; then
        drivers="amphora:The Octavia Amphora driver."
    fi
    if [[ ",${drivers//, /,}" != *,$WEIR_PROVIDER:* ]]; then
        drivers+="${drivers:+,}$WEIR_PROVIDER:Weir on OVN."
    fi
    iniset "$OCTAVIA_CONF" api_settings enabled_provider_drivers "$drivers"
    if [[ $(trueorfalse True WEIR_DEFAULT_PROVIDER) == True ]]; then
        iniset "$OCTAVIA_CONF" api_settings default_provider_driver "$WEIR_PROVIDER"
    elif [[ $(iniget "$OCTAVIA_CONF" api_settings default_provider_driver) == "$WEIR_PROVIDER" ]]; then
        inidelete "$OCTAVIA_CONF" api_settings default_provider_driver
    fi
    iniset "$OCTAVIA_CONF" weir urls "unix://$WEIR_RUN_DIR/provider.sock"
    if [[ $WEIR_PROVIDER == ovn ]]; then
        # The agent of ovn-octavia-provider; Weir has none.
        agents=$(iniget "$OCTAVIA_CONF" driver_agent enabled_provider_agents | tr -d ' ' | tr , '\n' | grep -vx ovn | paste -sd , || true)
        if [[ -n $agents ]]; then
            iniset "$OCTAVIA_CONF" driver_agent enabled_provider_agents "$agents"
        elif [[ -e $OCTAVIA_CONF ]]; then
            inidelete "$OCTAVIA_CONF" driver_agent enabled_provider_agents
        fi
    fi
}

function weir_configure {
    if [[ ! -e $OCTAVIA_CONF ]]; then
        die $LINENO "There is no $OCTAVIA_CONF: in local.conf, enable_plugin octavia must stand before Weir's enable_plugin"
    fi
    weir_make_folders
    weir_configure_host
    weir_configure_octavia
}

# extra

function weir_start {
    local node=${OCTAVIA_NODE:-standalone}
    stop_process weir
    if [[ $node == standalone || $node == main || $node == api ]]; then
        # Octavia's plugin has just recreated its database there, so the journal names load balancers that no longer exist.
        sudo rm -rf "${WEIR_STATE_DIR:?}"
    fi
    weir_make_folders
    # Role service for ports in Neutron (as every service user has), role admin for lists of all projects in Octavia.
    create_service_user "$WEIR_USERNAME" admin
    run_process weir "$(weir_binary) serve --config $WEIR_CONF"
    test_with_retry "curl -sf -o /dev/null --unix-socket $WEIR_RUN_DIR/provider.sock http://weir/readyz" \
        "weir is not ready, see: journalctl -u devstack@weir" "${SERVICE_TIMEOUT:-60}" 1
}

# test-config

function weir_configure_tempest {
    iniset "$TEMPEST_CONFIG" load_balancer provider "$WEIR_PROVIDER"
    iniset "$TEMPEST_CONFIG" load_balancer enabled_provider_drivers "$WEIR_PROVIDER:Weir on OVN."
}

# clean

function weir_clean {
    sudo rm -rf "${WEIR_CONF:?}" "${WEIR_CONF_DIR:?}" "${WEIR_STATE_DIR:?}" "${WEIR_RUN_DIR:?}"
    weir_pip_uninstall weir-octavia-ovn
    weir_pip_uninstall weir-octavia
    # Octavia's plugin, which is cleaned first, usually has removed the file.
    if [[ -e $OCTAVIA_CONF ]]; then
        inidelete "$OCTAVIA_CONF" api_settings enabled_provider_drivers
        inidelete "$OCTAVIA_CONF" api_settings default_provider_driver
        inidelete "$OCTAVIA_CONF" weir urls
    fi
}

if is_service_enabled weir; then
    case "$1 ${2:-}" in
        "stack pre-install")
            weir_check_settings
            ;;
        "stack install")
            echo_summary "Installing Weir"
            weir_build
            weir_install_driver
            ;;
        "stack post-config")
            echo_summary "Configuring Weir"
            weir_configure
            ;;
        "stack extra")
            echo_summary "Starting Weir"
            weir_start
            ;;
        "stack test-config")
            if is_service_enabled tempest; then
                weir_configure_tempest
            fi
            if ! "$(weir_binary)" check --config "$WEIR_CONF"; then
                warn $LINENO "weir check has found a problem, see above"
            fi
            ;;
        "unstack ")
            stop_process weir
            ;;
        "clean ")
            weir_clean
            ;;
    esac
fi
