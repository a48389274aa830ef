"""What the doctor tells about installed libraries."""

import os
from pathlib import Path

from synapse_core.config.home import Home
from synapse_core.dependencies.venvs import Venvs
from synapse_core.operations.doctor.libraries import check_libraries
from tests.dependencies.conftest import Bench


def test_the_doctor_tells_size_and_what_is_unused_or_incomplete(bench: Bench) -> None:
    home = Home(bench.folder)
    for version in ("1.0", "2.0"):
        bench.wheel("tinylib", version)
        requirements = f"--no-index\n-f ../links\ntinylib=={version}\n"
        bench.provide(bench.plugin(version, requirements))
    for venv in Venvs(home.cache_dir).all():
        os.utime(venv.marker, (0, 0))
    (Venvs(home.cache_dir).folder / "0123").mkdir()

    (finding,) = check_libraries(home)

    assert finding.level == "info"
    assert finding.facts["sets"] == 2
    assert finding.facts["unused"] == 2
    assert finding.facts["incomplete"] == 1
    assert finding.fix


def test_the_doctor_finds_nothing_where_nothing_is_installed(tmp_path: Path) -> None:
    (finding,) = check_libraries(Home(tmp_path))

    assert (finding.level, finding.facts["sets"]) == ("ok", 0)
