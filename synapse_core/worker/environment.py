"""The variables a worker may see."""

import re
from collections.abc import Mapping

__all__ = ["JOB_ID_VARIABLE", "allowed_environment"]

JOB_ID_VARIABLE = "SYNAPSE_JOB_ID"
"""Set for a run, it holds the id that the action sees instead of the run's own."""

_ALLOWED = re.compile(
    r"""
      PATH | HOME | USER | LOGNAME | SHELL | LANG | LANGUAGE | LC_\w+ | TZ | TERM | TMPDIR
    | LD_LIBRARY_PATH | DYLD_LIBRARY_PATH | VIRTUAL_ENV | CONDA_PREFIX | PYTHONUTF8 | PYTHONHASHSEED
    | SSL_CERT_FILE | SSL_CERT_DIR | REQUESTS_CA_BUNDLE
    | CUDA_\w+ | NVIDIA_\w+ | ROCR_VISIBLE_DEVICES | HIP_VISIBLE_DEVICES
    | OMP_NUM_THREADS | OPENBLAS_NUM_THREADS | MKL_NUM_THREADS
    | XDG_CACHE_HOME | XDG_DATA_HOME | HF_HOME | TORCH_HOME
    """,
    re.VERBOSE,
)


def allowed_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the part of `environ` that every worker gets.

    What a program needs to find its tools, libraries, caches and locale is let through; anything
    else, credentials above all, reaches an action only when its plugin, the environment in use or
    the caller names it.
    """
    return {name: value for name, value in environ.items() if _ALLOWED.fullmatch(name)}
