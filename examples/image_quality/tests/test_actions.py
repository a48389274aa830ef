"""The three actions, each run in one line."""

import json
import shutil
from pathlib import Path

import pytest
from image_quality.audit import SHIPPED_IMAGES, AuditAction
from image_quality.gate import GateAction
from image_quality.png import decode_png
from image_quality.thumbnail import make_thumbnail

from synapse_core.testing import run_action


def test_an_audit_finds_every_flaw_that_was_put_in() -> None:
    done = run_action(AuditAction, {})

    assert done.result["images"] == 18
