"""Secrets that an orchestrator hands in as files: `NAME_FILE` says where the value of `NAME` is."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

_SUFFIX = "_FILE"
_LARGEST = 65_536
"""Bytes: more is no secret of ours, but a file that was named by mistake."""


class SecretFileError(ValueError):
    """A secret can't be read from its file; the message names the variable, and no secret."""


def secret_of(variable: str, environment: Mapping[str, str] = os.environ) -> str | None:
    """Return a variable's value, or what stands in the file that `variable` + `_FILE` names.

    The end of the file's last line does not count. A variable or a file that is empty says that
    there is no such secret.

    Args:
        variable: such as `STEWARD_HOOK_SECRETS`.
        environment: the variables of the process.

    Raises:
        SecretFileError: both are set, or the file can't be read, or is no text.
    """
    value, named = environment.get(variable), environment.get(variable + _SUFFIX)
    if not named:
        return value or None
    if value:
        raise SecretFileError(f"{variable}: set beside {variable}{_SUFFIX}. Unset one of them")
    try:
        with Path(named).open("rb") as file:
            content = file.read(_LARGEST + 1)
    except OSError as error:
        raise _unusable(variable, named, f"cannot be read: {error.strerror}") from error
    if len(content) > _LARGEST:
        raise _unusable(variable, named, f"longer than {_LARGEST} bytes")
    try:
        secret = content.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        # The cause would quote the secret.
        raise _unusable(variable, named, "not UTF-8 text") from None
    return secret or None


def _unusable(variable: str, named: str, problem: str) -> SecretFileError:
    return SecretFileError(f"{variable}{_SUFFIX}: {named}: {problem}")
