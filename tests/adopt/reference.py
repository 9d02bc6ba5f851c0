"""The reference driver, as a provider of Octavia's."""

import json
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
REFERENCE = HERE.parents[1] / ".weir/adopt/reference"


class Reference:
    """Runs until `stop`. `strict`: what a call raises is raised here."""

    def __init__(self, server):
        self._log = open(server.folder / "reference.log", "ab")
        environment = {**os.environ, "PYTHONPATH": f"{REFERENCE}:{HERE}", "PYTHONWARNINGS": "ignore"}
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "reference_worker.py"), server.remote, str(server.socket)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, env=environment, text=True)
        self.log = server.folder / "reference.log"
        self.statuses = []

    def call(self, method, state, arguments):
        question = json.dumps({"method": method, "arguments": arguments, "state": state})
        self._process.stdin.write(question + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the reference has ended: {self.log.read_text()[-4000:]}"
        answer = json.loads(line)
        self.statuses = answer["statuses"]
        assert "raised" not in answer, f"{method}: ...{answer.get('raised')[-700:]}"
        return answer["result"]

    def make_vip_ports(self, lb, vip, more):
        arguments = {"lb_id": lb, "project_id": "", "vip_dict": vip, "additional_vip_dicts": more}
        return self.call("create_vip_port", {}, arguments)

    def make_source_ports(self, members):
        """It makes them itself."""

    def floating_ip(self, port, ip, address, state):
        self.neutron.associate(address, port, ip)
        self.call("floating_ip", state, {"port": port, "address": address, "action": "associate"})

    def stop(self):
        self._process.stdin.close()
        self._process.wait(60)
        self._log.close()
