"""What commands share: experiment files with fields set, models, places to write to, progress."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from copy import deepcopy
from dataclasses import is_dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from explorer.base import strict_json
from explorer.base.files import check_target, same_file
from explorer.base.numbers import NumberError, number
from explorer.base.params import Param, ParamError, params
from explorer.base.printable import printable
from explorer.base.registry import Registry
from explorer.cli.errors import WrongUse
from explorer.cli.streams import read_stdin
from explorer.data.distributions import Distribution
from explorer.data.images import DATA, ImageSet
from explorer.data.images.folder import Folder, agree, changed
from explorer.diffusion.frames import Frame
from explorer.diffusion.sdes import SDES
from explorer.experiment.codec import encode, not_finite
from explorer.experiment.schema import Experiment, ExperimentError
from explorer.experiment.view_settings import Look
from explorer.labs import LABS
from explorer.session import document
from explorer.session.document import BESIDE, Document

if TYPE_CHECKING:
    from explorer.experiment.resolution import Resolved
    from explorer.networks.files import Model

T = TypeVar("T")
#: What stands for stdin or stdout.
DASH = "-"


def experiment_argument(parser: ArgumentParser) -> None:
    """EXPERIMENT and --set."""
    parser.add_argument("experiment", metavar="EXPERIMENT.json", help="an experiment file, or - for stdin")
    set_argument(parser)


def set_argument(parser: ArgumentParser) -> None:
    """--set FIELD=VALUE."""
    parser.add_argument(
        "--set", metavar="FIELD=VALUE", action="append", default=[], dest="sets",
        help="set a field, such as sampler.steps=100 or sde=ve (again and again)",
    )  # fmt: skip


def model_argument(parser: ArgumentParser) -> None:
    """--model."""
    parser.add_argument("--model", metavar="M.safetensors", help="a trained network to use as the score")


def read_document(name: str, sets: Sequence[str], outs: Sequence[str] = ()) -> Document:
    """The document in a file (- for stdin) with fields set, whose images are not to be written over by `outs`.

    A word of caution goes to stderr.
    """
    if not name:
        raise WrongUse("EXPERIMENT.json: the name of a file is needed, and none is given.")
    if name == DASH:
        found, caution = document.loads(document.text_of(read_stdin(document.LARGEST), "stdin"))
        found = document.seen_from(found, Path.cwd())
    else:
        found, caution = document.read(name)
    if caution:
        warn(caution)
    data = found.experiment.data
    if isinstance(data, Folder) and not any(s.startswith("data") for s in sets) and (others := changed(data)):
        warn(others)
    found = with_fields(found, sets)
    spare_images(found.experiment.data, outs)
    return found


def with_fields(found: Document, sets: Sequence[str]) -> Document:
    """The document with every FIELD=VALUE set, all at once: it is only their sum that must make sense."""
    if not sets:
        return found
    value = json.loads(document.dumps(found))
    for assignment in sorted(sets, key=lambda s: not s.startswith("data")):  # what suits depends on the data
        field, equals, text = assignment.partition("=")
        if not equals or not field:
            raise WrongUse(f"--set takes FIELD=VALUE, not {assignment!r}.")
        field = field.strip()
        _assign(value, *_suited(value["data"], field, _read_for(_param(value, field), field, text)))
    made = document.loads(json.dumps(value))[0]
    return _placed(made) if any(s.startswith("data") for s in sets) else made


def _placed(made: Document) -> Document:
    """The document with a folder that was named on the command line: from where that was typed, on any machine."""
    data = made.experiment.data
    if isinstance(data, Folder):
        agree(data.path)
    return document.seen_from(made, Path.cwd())


def _suited(data: Any, field: str, new: Any) -> tuple[str, Any]:
    """The assignment of an SDE by its name alone, with the numbers that suit the data (as JSON); others as they are."""
    owner = field.removesuffix(".type")
    if owner.split(".")[-1] != "sde" or not isinstance(new, str) or new not in SDES:
        return field, new
    name = data.get("type") if isinstance(data, dict) else data
    pictures = isinstance(name, str) and name in DATA and issubclass(DATA[name], ImageSet)
    return owner, encode(SDES[new].suited(pictures))


def _read_for(p: Param | None, field: str, text: str) -> Any:
    """What is to be set: of a number's field the number, as it would be read in the window; else JSON or text."""
    parsed = _parsed(text)
    if (
        p is None
        or p.kind not in ("int", "float")
        or parsed is None
        or isinstance(parsed, bool | list | dict)
    ):
        return parsed
    try:
        return number(text, whole=p.kind == "int")
    except NumberError as error:
        raise WrongUse(f"{field} must be {error}.") from None


def _param(value: dict[str, Any], field: str) -> Param | None:
    """The parameter at a dotted path of the document as JSON, or None."""
    head, *rest = field.split(".")
    roots: dict[str, Any] = {"look": Look, "compare": Experiment, "lab": LABS}
    path, within = (rest, value.get(head)) if head in roots else ([head, *rest], value)
    owner: Any = roots.get(head, Experiment)
    found: Param | None = None
    for name in path:
        if isinstance(owner, Registry):
            kind = within.get("type") if isinstance(within, dict) else within
            owner = owner[kind] if isinstance(kind, str) and kind in owner else object
        known = params(owner) if isinstance(owner, type) and is_dataclass(owner) else ()
        found = {p.name: p for p in known}.get(name)
        if found is None:
            return None
        owner = (
            found.registry if found.kind == "one_of" else found.default if found.kind == "spec" else object
        )
        within = within.get(name) if isinstance(within, dict) else None
    return found


def _parsed(text: str) -> Any:
    """JSON where it is JSON with finite numbers, else text, which no field of numbers takes."""
    try:
        value = json.loads(text)
        return text if any(True for _ in not_finite(value)) else value
    except (ValueError, RecursionError):
        return text


def _assign(value: dict[str, Any], field: str, new: Any) -> None:
    """Put `new` at a dotted path of the document as JSON."""
    if field.split(".")[0] == "compare" and "compare" not in value:
        value["compare"] = deepcopy({part: value[part] for part in BESIDE})
    *folders, last = field.split(".")
    place = value
    for i, folder in enumerate(folders):
        inner = place.get(folder)
        if isinstance(inner, str):  # a name alone, as in "predictor": "ancestral"
            inner = place[folder] = {"type": inner}
        if not isinstance(inner, dict):
            raise WrongUse(f"{'.'.join(folders[: i + 1])} has no field {last!r} to set.")
        place = inner
    if last == "type":  # the parameters of the old type are none of the new one's
        place.clear()
    place[last] = new


@contextmanager
def naming(options: Mapping[str, str]) -> Iterator[None]:
    """field -> option: an error that names the field then names the option that has set it."""
    try:
        yield
    except (ExperimentError, ParamError) as error:
        said = str(error)
        for field, option in options.items():
            said = re.sub(rf"\b{re.escape(field)}\b", option, said)
        raise WrongUse(said) from None


def load_model(path: str | None) -> Model | None:
    """The model in a file, if one is named."""
    if path is None:
        return None
    from explorer.networks.files import load

    return load(path)


def with_model(found: Document, model: Model | None) -> Document:
    """The document with a network of the user's own as its score, where there is one."""
    e = found.experiment
    if model is None:
        if e.score.source == "trained":
            raise WrongUse("score.source is 'trained': name the network with --model M.safetensors.")
        return found
    if model.dim != e.data.dim or model.picture != e.data.picture:
        raise WrongUse(f"--model: a network for {model.dim} dimensions cannot score data of {e.data.dim}.")
    _warn_of_other_data(model, e)
    network: dict[str, Any] = {"unet" if model.picture else "network": model.network}
    score = replace(e.score, source="trained", **network)
    return replace(found, experiment=replace(e, score=score)).linked()


def _warn_of_other_data(model: Model, e: Experiment) -> None:
    from explorer.experiment.resolution import told

    if not model.data or model.data == told(e.data):
        return
    name = str(model.data.get("type"))
    which = DATA[name].title if name in DATA and name != e.data.name else "the same kind, with other settings"
    warn(f"--model: the network was trained on other data ({which}).")


def resolved(found: Any, model: Model | None) -> Resolved:
    """The score of an experiment; what there is to say of it goes to stderr where it is a surprise."""
    from explorer.experiment.resolution import prepare, resolve

    prepare(found)
    answer = resolve(found, model)
    if answer.surprise:
        warn(answer.word)
    if answer.control:
        warn(answer.control)
    return answer


def advise(e: Experiment) -> None:
    """What the window would say below the stage of a run that is numerically bad."""
    from explorer.experiment.diagnostics import advice

    for sentence in advice(e):
        warn(sentence)


#: Other names of stdout: reopened, it would be written over from its start.
STDOUT = ("/dev/stdout", "/dev/fd/1", "/proc/self/fd/1")


#: Endings of the files that the commands write.
_ENDINGS = {
    ".json", ".npz", ".npy", ".safetensors", ".csv", ".png", ".svg", ".pdf", ".gif", ".mp4", ".webp", ".apng", ".py",
}  # fmt: skip


#: Options whose values are files that are read.
_READ = ("experiment", "model", "points", "data", "image", "mask", "start", "resume", "archive")


def files_read(options: Namespace) -> list[str]:
    """The files that the options of a command have it read, DASH among them."""
    given = [value for name in _READ if (value := getattr(options, name, None))]
    return [name for value in given for name in (value if isinstance(value, list) else [value])]


def _is_stdin(path: str) -> bool:
    """Whether the file at `path` is what stdin is read from."""
    with suppress(OSError, ValueError):
        return os.path.samestat(os.stat(path), os.fstat(sys.stdin.fileno()))
    return False


def spare_images(data: Distribution, outs: Iterable[str]) -> None:
    """Refuse to write over images that are the data."""
    for out in outs:
        if isinstance(data, Folder) and out != DASH and data.reads(out):
            raise WrongUse(
                f"{out} is one of the images that are read: choose another name for what is written."
            )


def _spare(read: Iterable[str], option: str, name: str) -> None:
    if any(_is_stdin(name) if file == DASH else same_file(name, file) for file in read):
        raise WrongUse(f"{option} {name} is a file that is read: choose another name for what is written.")


def target(
    name: str, read: Iterable[str], option: str = "--out", stdout: bool = True, ending: str = ""
) -> str:
    """A path to write to, refused at once where it cannot be written; DASH is stdout, for those that write there.

    read: the files that the command reads, none of which is written over.
    ending: of what is always written there: a file that is called as one of another kind would lie.
    """
    if name == DASH or name in STDOUT:
        if not stdout:
            raise WrongUse(f"{option} {name}: this is written into a file, not to stdout; name a file.")
        return DASH
    if not name:
        raise WrongUse(f"{option} needs the name of a file, and none is given.")
    path = Path(name)
    if os.path.isdir(name):  # and not Path.is_dir, which fails where a name is too long
        raise WrongUse(f"{option} {name} is a folder; name a file.")
    _spare(read, option, name)
    try:
        found = check_target(path)
    except OSError as error:
        raise WrongUse(f"{option} {name} cannot be written: {error.strerror or error}.") from None
    if found is not None and not stat.S_ISREG(
        found.st_mode
    ):  # a pipe or a device: its folder does not matter
        return name
    if ending and path.suffix.lower() in _ENDINGS - {ending}:
        raise WrongUse(
            f"{option} {name}: what is written there is of another kind; let its name end in {ending}."
        )
    folder = Path(os.path.realpath(path)).parent
    if not folder.is_dir():
        raise WrongUse(f"{option} {name}: there is no folder {folder if path.is_symlink() else path.parent}.")
    if not os.access(folder, os.W_OK):
        raise WrongUse(f"{option} {name}: the folder {path.parent} cannot be written to.")
    return name


def warn(sentence: str) -> None:
    """A word on stderr that is no error."""
    with suppress(OSError):  # nobody reads it: no reason to stop
        print(f"note: {printable(sentence)}", file=sys.stderr)


def noted(frames: Iterable[Frame]) -> Iterator[Frame]:
    """The frames of a run; the first of them that has a note says it on stderr."""
    said = False
    for frame in frames:
        if frame.note and not said:
            said = True
            warn(f"{frame.note} (step {frame.step}, t = {frame.t:.3g})")
        yield frame


def print_json(value: Any, to_stderr: bool = False) -> None:
    """A summary, on stdout unless that carries the file itself."""
    text = strict_json.dumps(value, indent=2, default=float)
    print(text, file=sys.stderr if to_stderr else sys.stdout)


def progress(items: Iterable[T], total: int, what: str, unit: str = "it") -> Iterator[T]:
    """The items, stoppable, with a bar on stderr if somebody looks at it."""
    with progress_bar(what, total or None, disable=None, leave=False, unit=unit) as bar:
        for item in stoppable(items):
            bar.update()
            yield item


def progress_bar(what: str, total: float | None, **options: Any) -> Any:
    """A bar on stderr, with tqdm's own `options`."""
    from tqdm import tqdm

    tqdm.monitor_interval = 0  # no thread of its own
    return tqdm(None, printable(what), total, file=sys.stderr, **options)


def stoppable(items: Iterable[T]) -> Iterator[T]:
    """The items; Ctrl-C, a polite kill or a closed terminal stop between two of them, and never within one.

    Whatever makes the items is then closed, so that it cleans up. A second Ctrl-C stops at once.
    """
    asked = False

    def ask(*_: object) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True

    with _handled_by(ask):
        try:
            for item in items:
                yield item
                if asked:
                    raise KeyboardInterrupt
        finally:
            if isinstance(items, Generator):
                items.close()


def unstoppable(items: Iterable[T]) -> Iterator[T]:
    """The items, whatever signals come: another process decides when they end."""
    with _handled_by(lambda *_: None):
        yield from items


@contextmanager
def _handled_by(handler: Callable[..., None]) -> Iterator[None]:
    """The signals that ask a program to end, in other hands for a while."""
    wanted = [getattr(signal, name, None) for name in ("SIGINT", "SIGTERM", "SIGHUP")]
    before = {number: signal.signal(number, handler) for number in wanted if number is not None}
    try:
        yield
    finally:
        for number, handler_before in before.items():
            signal.signal(number, handler_before)
