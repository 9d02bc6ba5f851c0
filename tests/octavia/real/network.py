"""What the tests' load balancers stand in: the network as Neutron would write it to the Northbound, and as much of
Neutron's API as the OpenStack client asks for."""

import http.server
import json
import threading
import urllib.parse

PUBLIC = {"id": "ee97665d-69d0-4995-a275-27855359956a", "name": "public", "subnet": "3eed0c05-6527-400e-bb80-df6e59d248f1",
          "cidr": "198.51.100.0/24", "gateway": "198.51.100.254", "port": "5d0f3c1e-1d0a-4a53-8c43-0f6d3a1b7f10"}
PRIVATE = {"id": "7f2f5a06-13a5-4a45-9a9e-6ad23a7bb0b2", "name": "private", "subnet": "d9d4a2b0-7d5b-4c51-9d0a-53a5f0c8b5f1",
           "cidr": "10.10.10.0/24", "gateway": "10.10.10.254", "port": "0c8d7a54-39d4-4a6d-a2b7-0b6f8b1e6c7d"}
ROUTER = "neutron-3d2a873b-b5b4-4d14-ac24-47a835fd47b2"


def northbound_commands():
    """Arguments of one ovn-nbctl call."""
    commands = ["lr-add", ROUTER]
    for number, net in enumerate((PUBLIC, PRIVATE), 1):
        switch, port = f"neutron-{net['id']}", net["port"]
        prefix = net["cidr"].split("/")[1]
        commands += ["--", "ls-add", switch]
        commands += ["--", "lrp-add", ROUTER, f"lrp-{port}", f"fa:16:3e:00:00:0{number}", f"{net['gateway']}/{prefix}"]
        commands += ["--", "set", "logical_router_port", f"lrp-{port}", f"external_ids:neutron\\:network_name={switch}",
                     f"external_ids:neutron\\:subnet_ids={net['subnet']}"]
        commands += ["--", "lsp-add", switch, port]
        commands += ["--", "set", "logical_switch_port", port, "type=router", "addresses=router",
                     f"options:router-port=lrp-{port}", "external_ids:neutron\\:device_owner=network:router_interface",
                     f"external_ids:neutron\\:cidrs={net['gateway']}/{prefix}"]
    return commands


class _Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        parts = [part for part in url.path.split("/") if part and part != "v2.0"]
        wanted = dict(urllib.parse.parse_qsl(url.query))
        kind = parts[0] if parts else ""
        found = [
            thing for thing in _objects(kind)
            if all(str(thing.get(name, value)) == value for name, value in wanted.items())
            and (len(parts) < 2 or thing["id"] == parts[1])
        ]
        if len(parts) > 1:
            status, answer = (200, {kind.rstrip("s"): found[0]}) if found else (404, {"NeutronError": {"message": "not found"}})
        elif kind:
            status, answer = 200, {kind: found}
        else:
            status, answer = 200, {"versions": [{"id": "v2.0", "status": "CURRENT", "links": [
                {"rel": "self", "href": f"http://{self.headers['Host']}/v2.0/"}]}]}
        data = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def _objects(kind):
    if kind == "networks":
        return [{"id": net["id"], "name": net["name"], "subnets": [net["subnet"]]} for net in (PUBLIC, PRIVATE)]
    if kind == "subnets":
        return [{"id": net["subnet"], "name": f"{net['name']}-subnet", "network_id": net["id"], "cidr": net["cidr"],
                 "ip_version": 4} for net in (PUBLIC, PRIVATE)]
    return []


def serve():
    """Starts the API in a thread; returns the server, which has `shutdown` and `server_address`."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    return server
