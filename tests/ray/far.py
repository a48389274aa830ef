"""A cluster whose one working node is a machine of its own, as far as this one can show it.

The node has its own network, processes, name, home and temporary folder, and does not see the home
of the runs. Two cables lead to it: one for Ray, one for the service, which can be pulled.
"""

import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import psutil

from synapse_core.model.run import Run, WorkerId
from tests.waiting import wait_until

RUN_TOKEN = "run-token-of-the-tests"

_BIN = Path(sys.executable).parent
_RAY = {
    "RAY_AUTH_MODE": "token",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
    "RAY_health_check_initial_delay_ms": "0",
    "RAY_health_check_period_ms": "500",
    "RAY_health_check_failure_threshold": "3",
}


_VERSIONS = """
import json, sys
from ray._raylet import GcsClient

client = GcsClient(address=sys.argv[1])
told = json.loads(client.internal_kv_get(b"CLUSTER_METADATA", namespace=b"cluster"))
new = json.dumps({**told, **json.loads(sys.argv[2])}).encode()
client.internal_kv_put(b"CLUSTER_METADATA", new, True, namespace=b"cluster")
print(json.dumps(told))
"""


def can_be_built() -> bool:
    """Whether this user may make networks and machines."""
    if sys.platform != "linux" or os.getuid() != 0 or shutil.which("ip") is None:
        return False
    tried = subprocess.run(
        ["unshare", "--net", "--uts", "--pid", "--mount", "--fork", "ip", "link"],
        capture_output=True,
        check=False,
    )
    return tried.returncode == 0


@dataclass(slots=True)
class Far:
    """The cluster, and the service of this machine.

    Attributes:
        root: Folder of everything; `root/near` is not seen by the node.
    """

    root: Path
    token: str = field(default_factory=lambda: secrets.token_hex(16))
    name: str = field(default_factory=lambda: f"far{secrets.token_hex(2)}")
    subnet: int = field(default_factory=lambda: 100 + secrets.randbelow(100))
    ports: list[int] = field(default_factory=list[int])
    _head: subprocess.Popen[bytes] | None = None
    _node: subprocess.Popen[bytes] | None = None
    _service: subprocess.Popen[bytes] | None = None

    @property
    def near(self) -> Path:
        return self.root / "near"

    @property
    def node_home(self) -> Path:
        """What the node takes for its home folder."""
        return self.root / "node"

    @property
    def away(self) -> Path:
        """Where workers of the node work."""
        return self.node_home / ".synapse" / "away"

    @property
    def ray_ip(self) -> str:
        return f"10.{self.subnet}.1.1"

    @property
    def service_ip(self) -> str:
        return f"10.{self.subnet}.2.1"

    @property
    def service_url(self) -> str:
        return f"http://{self.service_ip}:{self.ports[2]}"

    def config(self) -> str:
        """Return the configuration of the home that places runs here."""
        return f"""
environment: lab
environments:
  lab:
    clusters:
      far:
        address: {self.ray_ip}:{self.ports[0]}
        dashboard: http://{self.ray_ip}:{self.ports[1]}
        token: {self.token}
        service: {self.service_url}
        service_token: {RUN_TOKEN}
      blind:
        address: {self.ray_ip}:{self.ports[0]}
        dashboard: http://{self.ray_ip}:{self.ports[1]}
        token: {self.token}
      odd:
        address: {self.ray_ip}:{self.ports[0]}
        token: {self.token}
"""

    def build(self) -> None:
        """Lay the cables, and start head, node and service."""
        for folder in (self.near, self.node_home, self.root / "h", self.root / "n"):
            folder.mkdir(parents=True)
        self._lay_cables()
        self.ports = [free_port() for _ in range(3)]
        (self.root / "token").write_text(self.token)
        (self.root / "tokens").write_text(f"run {RUN_TOKEN}\n")
        self._head = self._ray(
            [],
            ["--head", f"--port={self.ports[0]}", "--num-cpus=0", f"--temp-dir={self.root}/h"],
            [f"--dashboard-port={self.ports[1]}", f"--dashboard-host={self.ray_ip}"],
            ["--dashboard-agent-listen-port=0"],  # another cluster has the usual one
            ip=self.ray_ip,
        )
        wait_until(lambda: _answers(f"http://{self.ray_ip}:{self.ports[1]}/api/gcs_healthz"))
        self.start_node()
        self.start_service()

    def start_node(self) -> None:
        """Switch the node on."""
        script = f'hostname {self.name} && mount -t tmpfs none {self.near} && exec "$@"'
        machine = ["ip", "netns", "exec", self.name, "unshare", "--uts", "--pid", "--mount"]
        machine += ["--fork", "--kill-child", "--mount-proc", "sh", "-c", script, "node"]
        self._node = self._ray(
            machine,
            [f"--address={self.ray_ip}:{self.ports[0]}", "--num-cpus=2"],
            ["--object-store-memory=100000000"],
            ip=f"10.{self.subnet}.1.2",
        )
        log = self.root / "node.log"
        wait_until(lambda: b"Ray runtime started" in log.read_bytes())

    def kill_node(self) -> None:
        """Pull its plug."""
        assert self._node is not None
        self._node.kill()
        self._node.wait()

    def start_service(self) -> None:
        """Serve the runs of the home."""
        with (self.root / "service.log").open("ab") as log:
            self._service = subprocess.Popen(
                [
                    *(str(_BIN / "synapse"), "serve", "--host", "0.0.0.0"),  # noqa: S104 - by a cable
                    *("--port", str(self.ports[2]), "--allow-host", self.service_ip),
                    *("--token-file", str(self.root / "tokens")),
                ],
                cwd=self.near,
                env={**os.environ, "SYNAPSE_HOME": str(self.near / "home")},
                stdout=log,
                stderr=log,
            )
        wait_until(lambda: _answers(f"{self.service_url}/health"))

    def kill_service(self) -> None:
        assert self._service is not None
        self._service.kill()
        self._service.wait()

    @contextmanager
    def cut(self) -> Generator[None]:
        """Pull the cable to the service, and plug it in again."""
        _ip("link", "set", f"{self.name}s", "down")
        try:
            yield
        finally:
            _ip("link", "set", f"{self.name}s", "up")

    @contextmanager
    def pretending(self, **versions: str) -> Generator[None]:
        """Have the cluster say that it has other versions."""
        before = self._versions({})
        self._versions(versions)
        try:
            yield
        finally:
            self._versions(before)

    def _versions(self, new: dict[str, str]) -> dict[str, str]:
        """Change what the cluster says of itself, and return it."""
        told = subprocess.run(
            [sys.executable, "-c", _VERSIONS, f"{self.ray_ip}:{self.ports[0]}", json.dumps(new)],
            env={**os.environ, **_RAY, "RAY_AUTH_TOKEN_PATH": str(self.root / "token")},
            stdout=subprocess.PIPE,
            check=True,
        )
        return json.loads(told.stdout)

    def supervisor_of(self, run: Run) -> psutil.Process:
        """Return the process on the node that owns the run."""
        assert run.owner is not None
        return self.process(WorkerId.parse(run.owner).pid)

    def process(self, number: int) -> psutil.Process:
        """Return the process that has this number in the node's own count."""
        for process in self._processes():
            with suppress(OSError):
                status = Path(f"/proc/{process.pid}/status").read_text()
                if int(re.findall(r"^NSpid:.*\t(\d+)$", status, re.MULTILINE)[0]) == number:
                    return process
        raise AssertionError(f"no process {number} on {self.name}")

    def processes(self, name: str) -> list[psutil.Process]:
        """Return what runs on the node under this name."""
        return [process for process in self._processes() if process.name() == name]

    def _processes(self) -> list[psutil.Process]:
        assert self._node is not None
        return psutil.Process(self._node.pid).children(recursive=True)

    def tear_down(self) -> None:
        """Leave nothing."""
        if self._node is not None:
            self._node.kill()  # whatever runs on it ends with it
            self._node.wait()
        for process in (self._service, self._head):
            if process is None or process.poll() is not None:
                continue
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        subprocess.run(["ip", "netns", "delete", self.name], check=False)
        for cable in ("r", "s"):
            subprocess.run(
                ["ip", "link", "delete", f"{self.name}{cable}"], check=False, capture_output=True
            )

    def _lay_cables(self) -> None:
        _ip("netns", "add", self.name)
        for number, cable in ((1, "r"), (2, "s")):
            here, there = f"{self.name}{cable}", f"{self.name}{cable}n"
            _ip("link", "add", here, "type", "veth", "peer", "name", there, "netns", self.name)
            _ip("address", "add", f"10.{self.subnet}.{number}.1/30", "dev", here)
            _ip("link", "set", here, "up")
            inside = ["-n", self.name]
            _ip(*inside, "address", "add", f"10.{self.subnet}.{number}.2/30", "dev", there)
            _ip(*inside, "link", "set", there, "up")
        _ip("-n", self.name, "link", "set", "lo", "up")

    def _ray(self, machine: list[str], *options: list[str], ip: str) -> subprocess.Popen[bytes]:
        place = self.node_home if machine else self.near
        environ = {
            **{name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ},
            **_RAY,
            "RAY_AUTH_TOKEN_PATH": str(self.root / "token"),
            "HOME": str(place),
            "TMPDIR": str(self.root / ("n" if machine else "h")),
        }
        with (self.root / ("node.log" if machine else "head.log")).open("wb") as log:
            return subprocess.Popen(
                [
                    *machine,
                    *(str(_BIN / "ray"), "start", "--block", "--disable-usage-stats"),
                    f"--node-ip-address={ip}",
                    *(word for words in options for word in words),
                ],
                env=environ,
                cwd="/",
                stdout=log,
                stderr=log,
            )


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("0.0.0.0", 0))  # noqa: S104 - as above
        return int(probe.getsockname()[1])


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=1):  # noqa: S310 - an address of ours
            return True
    except (URLError, OSError):
        return False
