"""One rule for what goes wrong, in the window and on a command line."""

import pytest

from explorer.base.errors import Refused, Told, sentence
from explorer.base.params import ParamError
from explorer.cli.errors import FAILED, WRONG_USE, sentence_of
from explorer.data.images.archive import ImageError
from explorer.training import DeviceError, TrainingError


@pytest.mark.parametrize("error", [
    Refused("there is no table"), ParamError("steps must be at least 1."), DeviceError("there is no CUDA device"),
])  # fmt: skip
def test_our_own_speak_for_themselves(error):
    assert sentence(error, "a.json", "read") == sentence(error) == f"{str(error).rstrip('.')}."


@pytest.mark.parametrize(("error", "named", "alone"), [
    (PermissionError(13, "Permission denied", "/x/a.csv"), "a.csv cannot be saved: Permission denied.",
     "/x/a.csv cannot be used: Permission denied."),
    (MemoryError(), "a.csv cannot be saved: it does not fit into memory.", "There is not enough memory for this."),
    (RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: you tried 8 bytes"),
     "a.csv cannot be saved: it does not fit into memory.", "There is not enough memory for this."),
    (ValueError("shape\nmismatch"), "a.csv cannot be saved (ValueError: shape mismatch).",
     "Something went wrong inside (ValueError: shape mismatch)."),
])  # fmt: skip
def test_all_others_are_put_into_a_sentence(error, named, alone):
    assert sentence(error, "a.csv", "saved") == named
    assert sentence(error) == alone


@pytest.mark.parametrize(("error", "code", "bug"), [
    (ImageError("cats holds no pictures"), WRONG_USE, False), (TrainingError("it diverges"), FAILED, False),
    (OSError(28, "No space left on device"), FAILED, False),
    (RuntimeError("DefaultCPUAllocator: no"), FAILED, False), (KeyError("exact"), FAILED, True),
    (ValueError("not ours"), FAILED, True),
])  # fmt: skip
def test_exit_codes(error, code, bug):
    said, given = sentence_of(error)
    assert (
        given == code
        and ("bug" in said) == bug
        and isinstance(error, Told) == (type(error).__module__ != "builtins")
    )
