"""A cluster of several nodes on this machine, started by other hands, whose parts can be killed."""

import contextlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.ray.far import free_port
from tests.ray.looking import is_gone, processes_of
from tests.waiting import wait_until

_SCRIPT = """
import json
import os
import sys

from ray.cluster_utils import Cluster

out = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
folder = sys.argv[1]
cluster = Cluster()
head = cluster.add_node(
    num_cpus=0,
    include_dashboard=True,
    dashboard_host="127.0.0.1",
    dashboard_port=int(sys.argv[3]),
    dashboard_agent_listen_port=0,
    ray_client_server_port=int(sys.argv[2]),
    object_store_memory=100_000_000,
    temp_dir=folder,
)
nodes = {}


def tell(**said):
    out.write(json.dumps(said) + "\\n")
    out.flush()


tell(address=cluster.address, dashboard=head.webui_url)
for line in sys.stdin:
    verb, _, pid = line.strip().partition(" ")
    if verb == "add":
        node = cluster.add_node(
            num_cpus=2,
            object_store_memory=100_000_000,
            temp_dir=folder,
            dashboard_agent_listen_port=0,
        )
        (raylet,) = node.all_processes["raylet"]
        nodes[raylet.process.pid] = node
        tell(pid=raylet.process.pid)
    elif verb == "remove":
        cluster.remove_node(nodes.pop(int(pid)), allow_graceful=False)
        tell()
    elif verb == "behead":
        head.kill_gcs_server(check_alive=False)
        head.kill_raylet(check_alive=False)
        head.kill_dashboard(check_alive=False)
        tell()
os._exit(0)
"""

_RAY = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
    "RAY_health_check_initial_delay_ms": "0",
    "RAY_health_check_period_ms": "500",
    "RAY_health_check_failure_threshold": "3",
}


@dataclass(slots=True)
class Several:
    """A head that takes no work, and nodes with two CPU cores each.

    Attributes:
        root: Folder of everything; its path is short.
        token: What the cluster asks for; empty for one that asks for none.
        address: Of its head.
        dashboard: URL of its dashboard.
        nodes: Process ids of the raylets of its nodes.
    """

    root: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="sray-")))
    token: str = field(default_factory=lambda: secrets.token_hex(16))
    address: str = ""
    dashboard: str = ""
    client_port: int = 0
    nodes: list[int] = field(default_factory=list[int])
    _keeper: subprocess.Popen[str] | None = None

    @property
    def ray_folder(self) -> Path:
        """Ray's own folder."""
        return self.root / "ray"

    def config(self) -> str:
        """Return the configuration of a home that places runs here."""
        host = f"127.0.0.1:{self.client_port}"
        opened_by = f", token: {self.token}" if self.token else ""
        return f"""
environment: lab
environments:
  lab:
    clusters:
      lab: {{address: "{self.address}", dashboard: "{self.dashboard}"{opened_by}}}
      client: {{address: "ray://{host}", dashboard: "{self.dashboard}"{opened_by}}}
      closed: {{address: "{self.address}", token: wrong-{self.token}}}
"""

    def build(self, nodes: int = 2) -> None:
        """Start head and nodes."""
        self.ray_folder.mkdir()
        self.client_port = free_port()
        environ = {
            **os.environ,
            **_RAY,
            "RAY_AUTH_MODE": "token" if self.token else "disabled",
            "RAY_AUTH_TOKEN": self.token,
            "RAY_TMPDIR": str(self.root),
            "TMPDIR": str(self.root),
        }
        words = [str(self.ray_folder), str(self.client_port), str(free_port())]
        with (self.root / "keeper.log").open("wb") as log:
            self._keeper = subprocess.Popen(
                [sys.executable, "-c", _SCRIPT, *words],
                env=environ,
                cwd=self.root,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        told = self._heard()
        self.address, self.dashboard = str(told["address"]), f"http://{told['dashboard']}"
        for _ in range(nodes):
            self.add_node()

    def add_node(self) -> int:
        """Start a node, and return the process id of its raylet."""
        pid = int(str(self._ask("add")["pid"]))
        self.nodes.append(pid)
        return pid

    def node_of(self, processes: Sequence[psutil.Process]) -> int:
        """Return the node that the processes belong to, all of which one node has started."""
        found = {
            parent.pid
            for process in processes
            for parent in process.parents()
            if parent.pid in self.nodes
        }
        (node,) = found
        return node

    def kill_node(self, node: int) -> None:
        """Kill all that a node consists of."""
        self.nodes.remove(node)
        self._ask(f"remove {node}")

    def kill_head(self) -> None:
        """Kill all that the head consists of; the nodes are left to themselves."""
        self._ask("behead")

    def tear_down(self) -> None:
        """Leave nothing."""
        folder = str(self.root)  # what works in a home there would write to it while it is removed
        if self._keeper is not None:
            if self._keeper.stdin is not None:
                self._keeper.stdin.close()
            self._keeper.kill()
            self._keeper.wait()
            if self._keeper.stdout is not None:
                self._keeper.stdout.close()
        for process in processes_of(folder):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        wait_until(lambda: all(is_gone(process) for process in processes_of(folder)))
        shutil.rmtree(self.root)

    def _ask(self, order: str) -> dict[str, object]:
        assert self._keeper is not None
        assert self._keeper.stdin is not None
        self._keeper.stdin.write(f"{order}\n")
        self._keeper.stdin.flush()
        return self._heard()

    def _heard(self) -> dict[str, object]:
        assert self._keeper is not None
        assert self._keeper.stdout is not None
        line = self._keeper.stdout.readline()
        assert line, (self.root / "keeper.log").read_text(errors="replace")[-3000:]
        return json.loads(line)
