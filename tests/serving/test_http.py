"""What a deployment answers, for each kind of action and of request."""

import asyncio
from hashlib import sha256

import pytest

from tests.serving.conftest import Bench, Serve, until

pytestmark = pytest.mark.anyio

MODELS = """
    import asyncio

    from pydantic import BaseModel

    from synapse_core import BaseInferenceAction, BaseServeDeployment


    class Number(BaseModel):
        value: float


    class Answer(BaseModel):
        doubled: float


    class Inference(BaseInferenceAction[Number]):
        '''Multiplies.'''

        result_model = Answer

        async def load_model(self, model_id):
            if model_id == "absent":
                raise KeyError(model_id)
            if model_id == "damaged":
                raise ValueError("bad header")
            return {"": 2, "triple": 3}[model_id]

        def infer(self, model, inputs):
            if inputs.value < 0:
                raise ValueError("negative")
            if inputs.value == 99:
                return {"halved": 1}
            assert self.get_model() == model
            return {"doubled": model * inputs.value}


    class Deployment(BaseServeDeployment[Number]):
        def setup(self):
            self.count = 0

        def load_model(self, model_id):
            return model_id or "default"

        async def infer(self, inputs):
            self.count += 1
            count = self.count
            await asyncio.sleep(0)
            return {"count": count, "model": self.get_model()}

        def close(self):
            print("closed after", self.count)


    class Batches(BaseInferenceAction[Number]):
        def infer_batch(self, model, inputs):
            if any(one.value == 13 for one in inputs):
                raise RuntimeError("thirteen")
            return [len(inputs)] * (len(inputs) - any(one.value == 7 for one in inputs))
"""


async def test_a_model_answers(bench: Bench, serve: Serve) -> None:
    bench.release(MODELS, "act:Inference", models=2)

    async with serve() as served:
        assert await served.ask({"value": 2}) == (200, {"doubled": 4})
        triple = await served.ask({"value": 2}, serve_multiplexed_model_id="triple")
        assert triple == (200, {"doubled": 6})
        wrong = {
            name: await served.ask({"value": 2}, serve_multiplexed_model_id=name)
            for name in ("absent", "damaged", "no name")
        }
        raised = await served.ask({"value": -1})
        mistaken = await served.ask({"value": 99})

    assert {name: status for name, (status, _) in wrong.items()} == {
        "absent": 404,
        "damaged": 500,
        "no name": 400,
    }
    assert "bad header" in wrong["damaged"][1]["detail"]
    assert (raised[0], raised[1]["code"]) == (500, "action_failed")
    assert "ValueError: negative" in raised[1]["detail"]
    assert (mistaken[0], mistaken[1]["code"]) == (500, "invalid_result")
    assert "doubled" in mistaken[1]["detail"]


async def test_an_object_lives_as_long_as_its_process(bench: Bench, serve: Serve) -> None:
    bench.release(MODELS, "act:Deployment", models=1)

    async with serve() as served:
        answers = await asyncio.gather(*(served.ask({"value": 1}) for _ in range(5)))
        named = await served.ask({"value": 1}, serve_multiplexed_model_id="other")

    assert sorted(document["count"] for _, document in answers) == [1, 2, 3, 4, 5]
    assert {document["model"] for _, document in answers} == {"default"}
    assert named == (200, {"count": 6, "model": "other"})
    assert "closed after 6" in bench.log()


async def test_a_model_in_use_is_not_let_go_of(bench: Bench, serve: Serve) -> None:
    signal = bench.folder / "go-on"
    bench.release(
        f"""
        import os
        import time

        from pydantic import BaseModel

        from synapse_core import BaseInferenceAction


        class Nothing(BaseModel):
            pass


        class Slow(BaseInferenceAction[Nothing]):
            def load_model(self, model_id):
                return {{"is_open": True}}

            def unload_model(self, model_id, model):
                model["is_open"] = False
                print("let go of", model_id)

            def infer(self, model, inputs):
                print("began")
                while not os.path.exists({str(signal)!r}):
                    time.sleep(0.02)
                return model
        """,
        "act:Slow",
        models=1,
    )

    async with serve() as served:
        asked = asyncio.create_task(served.ask({}, serve_multiplexed_model_id="one"))
        await until(lambda: "began" in bench.log())
        served.replica.unload("one")
        signal.touch()
        answer = await asked
        await until(lambda: "let go of one" in bench.log())

    assert answer == (200, {"is_open": True})


async def test_who_spoils_a_batch_spoils_it_for_itself(bench: Bench, serve: Serve) -> None:
    bench.release(MODELS, "act:Batches")

    async with serve() as served:
        good = await served.replica.answer("", [{"value": 1}, {"value": 2}])
        mixed = await served.replica.answer("", [{"value": 1}, {"value": 13}, {}])
        short = await served.replica.answer("", [{"value": 7}])

    assert good == [(200, 2), (200, 2)]
    assert [status for status, _ in mixed] == [200, 500, 422]
    assert short[0][0] == 500


@pytest.mark.parametrize(
    ("raw", "headers", "status"),
    [
        (b"{", {}, 400),
        (b'{"value": Infinity}', {}, 400),
        (b"\xff", {}, 400),
        (b"[" * 100_000, {}, 400),
        (b"3", {}, 422),
        (b"{}", {"content-type": "text/plain"}, 415),
        (b'{"value": "' + b"1" * 2000 + b'"}', {}, 413),
        (b'{"value": 1}', {"serve_multiplexed_model_id": "small"}, 400),
    ],
)
async def test_what_is_no_request_is_a_problem(
    bench: Bench, serve: Serve, raw: bytes, headers: dict[str, str], status: int
) -> None:
    bench.release(MODELS, "act:Inference", body_bytes=1000 if status == 413 else 1 << 20)

    async with serve() as served:
        answered, document = await served.ask(raw=raw, **headers)

    assert answered == document["status"] == status
    assert document["hint"]


async def test_it_is_described_and_looked_after(bench: Bench, serve: Serve) -> None:
    bench.release(MODELS, "act:Inference")

    async with serve() as served:
        _, told = await served.ask(method="GET")
        health = await served.ask(method="GET", path="/health")
        elsewhere, _ = await served.ask(method="GET", path="/nothing")
        other, _ = await served.ask(method="DELETE")

    assert (told["description"], told["release"]) == ("Multiplies.", 1)
    assert set(told["params"]["properties"]) == {"value"}
    assert set(told["result"]["properties"]) == {"doubled"}
    assert health == (200, {"status": "ready"})
    assert (elsewhere, other) == (404, 405)


async def test_a_token_opens_all_but_health(bench: Bench, serve: Serve) -> None:
    digest = sha256(b"sesame").hexdigest()
    bench.release(MODELS, "act:Inference", token_digest=digest)

    async with serve() as served:
        asked = [
            await served.ask({"value": 1}, raw=None, **headers)
            for headers in (
                dict[str, str](),
                {"authorization": "Bearer wrong"},
                {"authorization": "Basic sesame"},
                {"authorization": "Bearer sesame"},
            )
        ]
        described, _ = await served.ask(method="GET")
        health, _ = await served.ask(method="GET", path="/health")

    assert [status for status, _ in asked] == [401, 401, 401, 200]
    assert (described, health) == (401, 200)
