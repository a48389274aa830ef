"""A real model on a real Ray Serve: called over HTTP, changed while it is called, and broken."""

import json
import math
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import psutil
import pytest

from synapse_core.errors import ConflictError, InvalidInputError
from synapse_core.executors.ray.driver.door import DriverDoor
from synapse_core.model.run import Resources
from synapse_core.operations.deployments.verbs import (
    Deploy,
    Scale,
    delete_deployment,
    deploy,
    scale_deployment,
    update_deployment,
)
from synapse_core.operations.deployments.views import (
    DeploymentState,
    DeploymentView,
    read_deployment_logs,
)
from synapse_core.serving.shelf import Shelf
from synapse_core.workspace import Workspace
from tests.ray.calling import (
    Answered,
    Hammer,
    change,
    flower,
    log_of,
    send,
    send_all,
    settle,
    show,
)
from tests.ray.looking import end, is_gone, start
from tests.waiting import wait_until

pytest.importorskip("fastapi", reason="the extra `serve` is not installed")

CONFIG = """
    name: Flowers
    code: flowers
    env: {WHERE: greenhouse}
    actions:
      classify:
        entrypoint: serving:Classifier
        method: serve
        resources: {cpus: 0.1}
        serve:
          batch: {size: 8, wait: 40ms}
          models: 2
          timeout: 4s
          body: 1M
      roll_out:
        entrypoint: serving:RollOut
"""

CODE = """
    import json
    import math
    import os
    import time
    from pathlib import Path

    from pydantic import BaseModel, Field

    from synapse_core import BaseDeploymentAction, BaseInferenceAction


    class Flower(BaseModel):
        width: float = Field(gt=0)
        length: float = Field(gt=0)
        do: str = ""


    class Kind(BaseModel):
        kind: str
        probability: float
        batch: int
        version: int
        where: str
        pid: int


    class Classifier(BaseInferenceAction[Flower]):
        '''Tells the kind of a flower by its petal.'''

        action_name = "classify"
        result_model = Kind

        def load_model(self, model_id):
            file = Path(__file__).with_name(f"{model_id or 'petals'}.json")
            print("loading", file.stem)
            return json.loads(file.read_text())

        def unload_model(self, model_id, model):
            print("unloading", model_id)

        def infer_batch(self, model, inputs):
            return [self.tell(model, one, len(inputs)) for one in inputs]

        def tell(self, model, flower, batch):
            if flower.do == "raise":
                raise RuntimeError("this flower has no petals")
            if flower.do == "die":
                os._exit(7)
            if flower.do == "sleep":
                time.sleep(60)
            z = model["bias"] + model["width"] * flower.width + model["length"] * flower.length
            probability = 1 / (1 + math.exp(-z))
            return Kind(
                kind="lily" if probability > 0.5 else "daisy",
                probability=probability,
                batch=batch,
                version=1,
                where=os.environ["WHERE"],
                pid=os.getpid(),
            )


    class Nothing(BaseModel):
        pass


    class RollOut(BaseDeploymentAction[Nothing]):
        action_name = "roll_out"
        entrypoint = Classifier

        def get_serve_app_name(self):
            return "rolled-out"
"""


def train(seed: int) -> tuple[dict[str, float], list[tuple[float, float, str]]]:
    """Return a logistic regression, and flowers that it has not seen."""
    dice = random.Random(seed)  # noqa: S311 - made-up flowers
    flowers = [
        (dice.gauss(2 if lily else 1, 0.25), dice.gauss(5 if lily else 3, 0.5), lily)
        for lily in (index % 2 for index in range(300))
    ]
    bias, width, length = 0.0, 0.0, 0.0
    for _ in range(400):
        for w, h, lily in flowers[:200]:
            error = 1 / (1 + math.exp(-(bias + width * w + length * h))) - lily
            bias, width, length = (
                bias - 0.02 * error,
                width - 0.02 * error * w,
                length - 0.02 * error * h,
            )
    held_out = [(w, h, "lily" if lily else "daisy") for w, h, lily in flowers[200:]]
    return {"bias": bias, "width": width, "length": length}, held_out


@pytest.fixture(scope="module")
def flowers(ray_root: Path) -> Path:
    folder = ray_root / "flowers"
    folder.mkdir()
    model, _ = train(1)
    (folder / "config.yaml").write_text(dedent(CONFIG), encoding="utf-8")
    (folder / "serving.py").write_text(dedent(CODE), encoding="utf-8")
    for name in ("petals", "spring", "summer", "autumn"):
        (folder / f"{name}.json").write_text(json.dumps(model), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def served(world: Workspace, flowers: Path) -> Iterator[DeploymentView]:
    """The deployment that most tests call; afterwards nothing of it is left."""
    deploy(world, os.environ, Deploy(plugin=str(flowers)))
    view = settle(world, "flowers-classify")
    assert view.state is DeploymentState.RUNNING, view
    yield view
    pids = [report.pid for report in show(world, view.name).reports]
    delete_deployment(world.home, os.environ, view.name)
    wait_until(lambda: not any(psutil.pid_exists(pid) for pid in pids))
    assert not Shelf(world.home).place(view.name).exists()
    assert send(view.url, {}).status == 404


def test_the_model_is_right_about_flowers_it_has_not_seen(served: DeploymentView) -> None:
    _, held_out = train(1)

    answers = send_all(served.url, [{"width": one[0], "length": one[1]} for one in held_out])

    assert {answer.status for answer in answers} == {200}
    right = [answer.body["kind"] == one[2] for answer, one in zip(answers, held_out, strict=True)]
    assert sum(right) > 95
    assert {answer.body["where"] for answer in answers} == {"greenhouse"}


def test_requests_that_come_together_are_answered_together(served: DeploymentView) -> None:
    answers = send_all(served.url, [flower()] * 32, threads=16)

    sizes = [answer.body["batch"] for answer in answers]
    assert max(sizes) == 8
    assert sum(1 / size for size in sizes) < 16  # calls of the action


def test_what_does_not_fit_is_told_by_name(served: DeploymentView) -> None:
    answer = send(served.url, {"width": -1, "lenght": 3})

    assert (answer.status, answer.kind) == (422, "application/problem+json")
    problems = {one["path"]: one["message"] for one in answer.body["data"]["problems"]}
    assert set(problems) == {"width", "length", "lenght"}
    assert "greater than 0" in problems["width"]
    assert send(served.url, answer.body["data"]["example"]).status == 200


def test_one_wrong_request_spoils_no_batch(served: DeploymentView) -> None:
    bodies = [flower(), flower(do="raise"), {}, flower()]

    answers = send_all(served.url, bodies)

    assert [answer.status for answer in answers] == [200, 500, 422, 200]


@pytest.mark.parametrize(
    ("method", "raw", "kind", "status"),
    [
        ("POST", b"{", "application/json", 400),
        ("POST", b'{"width": NaN, "length": 1}', "application/json", 400),
        ("POST", b"[1]", "application/json", 422),
        ("POST", b"{}", "text/plain", 415),
        ("POST", b'{"do": "' + b"x" * (1 << 20) + b'"}', "application/json", 413),
        ("PUT", b"{}", "application/json", 405),
    ],
)
def test_what_is_no_request_is_refused_as_a_problem(
    served: DeploymentView, method: str, raw: bytes, kind: str, status: int
) -> None:
    answer = send(served.url, None, method=method, raw=raw, **{"Content-Type": kind})

    assert (answer.status, answer.kind) == (status, "application/problem+json")
    assert answer.body["hint"]


def test_it_tells_what_it_takes_and_gives(served: DeploymentView) -> None:
    told = send(served.url, None, method="GET").body

    assert told["description"] == "Tells the kind of a flower by its petal."
    assert set(told["params"]["properties"]) == {"width", "length", "do"}
    assert "probability" in told["result"]["properties"]
    assert send(f"{served.url}/health", None, method="GET").body == {"status": "ready"}
    assert send(f"{served.url}/other", None, method="GET").status == 404


def test_requests_choose_among_models(world: Workspace, served: DeploymentView) -> None:
    def ask(model_id: str) -> Answered:
        return send(served.url, flower(), serve_multiplexed_model_id=model_id)

    assert [ask(name).status for name in ("spring", "summer", "autumn", "spring")] == [200] * 4
    assert ask("winter").status == 404
    text = log_of(world, served.name)
    assert "loading spring" in text
    wait_until(lambda: "unloading spring" in log_of(world, served.name))  # two are kept


@pytest.mark.parametrize(
    "secret",
    [
        "eyJhbGciOiJIUzI1NiJ9.eyJtb2RlbCI6MX0.c2lnbmF0dXJl",
        "ghp_" + "9dXw4kQz7LmN2pRsT8vYb1CfGh3JkM5nPqSt",
        "spring:password=hunter2-hunter2",
    ],
)
def test_a_secret_is_no_name_of_a_model_and_nowhere_kept(
    world: Workspace, door: DriverDoor, served: DeploymentView, secret: str
) -> None:
    answer = send(served.url, flower(), serve_multiplexed_model_id=secret)
    url = f"{door.up()['dashboard_url']}/api/serve/applications/"
    dashboard = send(url, None, method="GET", Authorization=f"Bearer {door.token()}")
    record = door.record()
    assert record is not None
    kept = [*world.home.root.rglob("*"), *Path(record.folder).rglob("*")]

    assert answer.status == 400
    assert secret not in json.dumps(answer.body)
    assert served.name in str(dashboard.body)
    assert secret not in str(dashboard.body)
    assert not [file for file in kept if file.is_file() and secret.encode() in file.read_bytes()]


def test_an_action_that_raises_is_told_here_and_there(
    world: Workspace, served: DeploymentView
) -> None:
    answer = send(served.url, flower(do="raise"))

    assert (answer.status, answer.body["code"]) == (500, "action_failed")
    assert "RuntimeError: this flower has no petals" in answer.body["detail"]
    assert "Traceback" not in json.dumps(answer.body)
    wait_until(lambda: 'raise RuntimeError("this flower' in log_of(world, served.name))


def test_a_process_that_dies_is_followed_by_another(
    world: Workspace, served: DeploymentView
) -> None:
    lost = send(served.url, flower(do="die"))
    after = send(served.url, flower())  # waits for the next one

    assert (lost.status, lost.body["code"]) == (503, "worker_lost")
    assert after.status == 200
    assert after.body["pid"] != served.reports[0].pid
    assert settle(world, served.name).state is DeploymentState.RUNNING
    assert [report.restarts for report in show(world, served.name).reports] == [1]


def test_a_replica_that_is_killed_is_replaced_with_its_process(
    world: Workspace, served: DeploymentView
) -> None:
    action = psutil.Process(show(world, served.name).reports[0].pid)
    replica = action.parent()
    assert replica is not None

    replica.kill()

    wait_until(lambda: is_gone(action))
    answer = send(served.url, flower())  # waits for the next one
    assert answer.status == 200
    assert answer.body["pid"] != action.pid
    wait_until(lambda: show(world, served.name).state is DeploymentState.RUNNING)


def test_what_takes_too_long_holds_up_nobody(served: DeploymentView) -> None:
    started = time.monotonic()
    answer = send(served.url, flower(do="sleep"))

    assert (answer.status, answer.body["code"]) == (504, "run_timeout")
    assert time.monotonic() - started < 8
    wait_until(lambda: send(served.url, flower()).status == 200)


def test_the_log_is_read_on_from_where_it_ended(world: Workspace, served: DeploymentView) -> None:
    wait_until(lambda: len(read_deployment_logs(world.home, served.name).lines) > 1)
    first = read_deployment_logs(world.home, served.name, limit=1)
    rest = read_deployment_logs(world.home, served.name, cursor=first.next_cursor, limit=100_000)
    whole = read_deployment_logs(world.home, served.name, limit=100_000)
    send(served.url, flower(do="raise"))

    assert not first.eof
    assert first.lines + rest.lines == whole.lines
    wait_until(
        lambda: any(
            "no petals" in line.message
            for line in read_deployment_logs(world.home, served.name, cursor=rest.next_cursor).lines
        )
    )


def test_the_cluster_is_not_stopped_under_it(door: DriverDoor, served: DeploymentView) -> None:
    with pytest.raises(ConflictError, match=served.name):
        door.stop()


def test_nothing_that_is_changed_drops_a_request(
    world: Workspace, served: DeploymentView, flowers: Path
) -> None:
    before = {report.pid for report in show(world, served.name).reports}

    with Hammer(served.url, clients=8) as hammer:
        scale_deployment(world.home, os.environ, served.name, Scale(replicas=2))
        grown = settle(world, served.name)
        pids = {report.pid for report in grown.reports}
        wait_until(lambda: {one.body.get("pid") for one in hammer.answers[-50:]} == pids)
        change(flowers / "serving.py", "version=1,", "version=2,")
        update_deployment(world, os.environ, served.name)
        wait_until(lambda: {one.body.get("version") for one in hammer.answers[-50:]} == {2})
        scale_deployment(world.home, os.environ, served.name, Scale(replicas=1))
        wait_until(lambda: len(show(world, served.name).reports) == 1)
        (old,) = show(world, served.name).reports
        change(flowers / "config.yaml", "cpus: 0.1", "cpus: 0.2")  # takes another replica
        update_deployment(world, os.environ, served.name)
        wait_until(lambda: old.pid not in {one.body.get("pid") for one in hammer.answers[-50:]})
        view = settle(world, served.name)

    assert (grown.state, grown.ready) == (DeploymentState.RUNNING, 2)
    assert before < pids
    assert (view.state, view.release) == (DeploymentState.RUNNING, 3)
    assert old.replica not in {report.replica for report in view.reports}
    assert hammer.faults == []
    assert {answer.status for answer in hammer.answers} == {200}
    assert len(hammer.answers) > 300


def test_a_broken_update_leaves_what_works(
    world: Workspace, served: DeploymentView, flowers: Path
) -> None:
    change(flowers / "serving.py", "import json\n", "import jsonn\n")

    with Hammer(served.url) as hammer:
        update_deployment(world, os.environ, served.name)
        view = settle(world, served.name)

    assert view.state is DeploymentState.DEGRADED
    assert "jsonn" in view.error
    assert "serving.py:2" in view.error
    assert {answer.status for answer in hammer.answers} == {200}
    change(flowers / "serving.py", "import jsonn\n", "import json\n")
    update_deployment(world, os.environ, served.name)
    assert settle(world, served.name).state is DeploymentState.RUNNING


def test_replicas_have_what_nodes_claim_by_other_names(
    world: Workspace, flowers: Path, door: DriverDoor
) -> None:
    def asking(name: str) -> Deploy:
        wanted = Resources(cpus=0.1, custom={name: 0.01})
        return Deploy(plugin=str(flowers), action="classify", name="choosy", resources=wanted)

    nodes = door.up()["nodes"]
    assert isinstance(nodes, list)
    assert isinstance(nodes[0], dict)

    with pytest.raises(InvalidInputError, match=r"fpga 0\.01"):
        deploy(world, os.environ, asking("fpga"))
    deploy(world, os.environ, asking(f"node:{nodes[0]['address']}"))

    assert settle(world, "choosy").state is DeploymentState.RUNNING
    delete_deployment(world.home, os.environ, "choosy")


def test_a_run_deploys_too(world: Workspace, flowers: Path) -> None:
    run = end(world, start(world, flowers, "roll_out", on="process"))

    assert run.failure is None
    assert isinstance(run.result, dict)
    assert send(str(run.result["url"]), flower()).status == 200
    delete_deployment(world.home, os.environ, "rolled-out")
