"""Training on pictures: it learns, it can be gone on from bit for bit, several processes are as one."""

import dataclasses
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from explorer.cli import main
from explorer.data.images import DATA, from_pixels
from explorer.data.images.archive import ImageError, read
from explorer.data.metrics import energy_distance
from explorer.diffusion.simulate import simulate
from explorer.experiment import checkpoint as checkpoints
from explorer.experiment.checkpoint import CheckpointError
from explorer.experiment.defaults import with_data
from explorer.experiment.resolution import model_of, resolve, untrained
from explorer.experiment.schema import Experiment
from explorer.experiment.training import Course
from explorer.networks.files import ModelFileError, sealed
from explorer.networks.files import load as load_model
from explorer.networks.files import save as save_model
from explorer.networks.spec import PictureTraining, UNetSpec
from explorer.session import document
from explorer.training import TrainingError
from explorer.training.images import PictureRun
from explorer.training.loop import out_of_memory

ROOT = Path(__file__).resolve().parents[1]
#: The first digits alone: a test has no time for all of them.
TINY = UNetSpec(width=8, depth=1, waves=0, classes=10)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A few hundred digits in an archive of Keras's form, and an experiment file."""
    folder, data = tmp_path_factory.mktemp("train"), DATA["mnist"]()
    train, held = data.train.take(slice(0, 400)), data.held_out.take(slice(0, 100))
    arrays = {
        "x_train": train.images[:, 0],
        "y_train": train.labels,
        "x_test": held.images[:, 0],
        "y_test": held.labels,
    }
    np.savez(folder / "digits.npz", **{k: v.astype(np.uint8) for k, v in arrays.items()})
    document.write(folder / "e.json", document.Document(experiment(4)))
    return folder


@pytest.fixture(scope="module")
def archive(files):
    return read(files / "digits.npz")


def experiment(iterations=6, batch=8, spec=TINY, **training):
    budget = PictureTraining(
        seconds=0, iterations=iterations, batch=batch, device="cpu", precision="float32", **training
    )
    e = with_data(Experiment(), DATA["mnist"]())
    return dataclasses.replace(
        e, score=dataclasses.replace(e.score, source="trained", unet=spec, picture_training=budget)
    )


def same(a, b):
    assert a.keys() == b.keys()
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_a_tiny_network_learns_and_beats_noise(archive):
    e = experiment(150, batch=16, spec=UNetSpec(width=16, depth=1, classes=10), learning_rate=5e-3)
    frames = list(Course(e, archive=archive).frames())
    first, last = (next(f for f in order if f.weights) for order in (frames, frames[::-1]))
    assert last.done and not last.exact and np.isnan(last.floor)
    assert last.held < 0.5 * first.held
    assert np.isfinite(last.loss_by_level).all()
    score = resolve(e, model_of(e, last, last.weights)).score
    sampler = dataclasses.replace(e.sampler, particles=48, steps=6)
    *_, end = simulate(e.sde, sampler, score, e.target, 0)
    digits = from_pixels(archive[1].images)
    noise = np.random.default_rng(0).normal(0, 0.6, end.x.shape).astype(np.float32)
    blank = np.full_like(noise, -1)
    far = min(energy_distance(digits, other) for other in (noise, blank))
    assert energy_distance(digits, end.x) < 0.5 * far


# --- going on ------------------------------------------------------------------------------------------------


def until(course, iteration):
    """Frames up to an iteration; the course stands between two iterations then."""
    for frame in (frames := course.frames()):
        if frame.iteration >= iteration:
            return frames, frame
    raise AssertionError("it was over before")


@pytest.fixture
def at_every_iteration(monkeypatch):
    monkeypatch.setattr("explorer.training.loop.FRAME_SECONDS", 0.0)


def test_a_resumed_training_ends_with_the_same_bits(archive, tmp_path, at_every_iteration):
    e = experiment(60)
    whole = list(Course(e, archive=archive).frames())
    course = Course(e, archive=archive)
    frames, frame = until(course, 53)  # past a look at the loss, and not at one
    checkpoints.save(course.checkpoint(), tmp_path / "c.safetensors")
    frames.close()
    found = checkpoints.load(tmp_path / "c.safetensors")
    assert found.experiment == e
    assert found.progress == pytest.approx(53 / 60) and frame.iteration == 53
    again = list(Course(found.experiment, None, found, archive=archive).frames())
    assert again[0].iteration == 54
    same(again[-1].weights, whole[-1].weights)
    assert [f.smoothed for f in again] == [f.smoothed for f in whole[53:]]
    assert again[-1].held == whole[-1].held


def test_the_smoothed_loss_moves_with_every_frame_and_does_not_jump(archive, at_every_iteration):
    e = experiment(60, spec=UNetSpec(width=8, depth=1, waves=0, classes=10), learning_rate=5e-3)
    frames = list(Course(e, archive=archive).frames())
    smoothed, loss = (np.array([getattr(f, name) for f in frames]) for name in ("smoothed", "loss"))
    assert smoothed[0] == pytest.approx(loss[0])
    assert np.all(np.diff(smoothed) != 0)
    assert np.abs(np.diff(smoothed)[45:55]).max() < 0.15 * loss.max()  # a look at the loss is among them
    assert smoothed[-1] == pytest.approx(loss[-12:].mean(), rel=0.1)  # the first, bad ones are left behind


def test_a_checkpoint_without_the_smoothed_loss_is_gone_on_from(kept, archive):
    numbers = {k: v for k, v in kept.numbers.items() if k != "smoothed"}
    older = dataclasses.replace(kept, numbers=numbers)
    *_, last = Course(older.experiment, None, older, archive=archive).frames()
    assert min(numbers["window"] / 2, last.loss) / 2 < last.smoothed < numbers["window"]


def test_a_training_is_kept_when_it_is_time_when_asked_and_at_its_end(archive, at_every_iteration):
    def kept(every, asked=(), until=9):
        found, course, frames = [], Course(experiment(4), archive=archive), []
        write = lambda c: found.append(c.checkpoint().numbers["iteration"])  # noqa: E731
        for frame in (all_of := course.kept(write, every, lambda: len(frames) + 1 in asked)):
            frames.append(frame.iteration)
            if frame.iteration == until:
                all_of.close()
        return found

    assert kept(0.0) == [1, 2, 3, 4]
    assert kept(1e9) == [4]
    assert kept(1e9, asked={2}) == [2, 4]
    assert kept(1e9, until=3) == [3]
    assert kept(1e9, until=4) == [4]  # once, though it is left there too


def test_a_checkpoint_is_glanced_at_without_its_tensors(archive, tmp_path, at_every_iteration):
    course = Course(experiment(8), archive=archive)
    until(course, 2)
    path = tmp_path / "c.safetensors"
    checkpoints.save(course.checkpoint(), path)
    assert checkpoints.glance(path).progress == 0.25
    assert checkpoints.glance(path).experiment == experiment(8)
    assert checkpoints.glance(tmp_path / "none") is None
    path.write_bytes(b"\xff" * 100)
    assert checkpoints.glance(path) is None


@pytest.fixture(scope="module")
def kept(archive):
    """A checkpoint after two iterations, and what it was of."""
    course = Course(experiment(4), archive=archive)
    for frame in course.frames():
        if frame.iteration >= 2:
            break
    return course.checkpoint()


def resumed(checkpoint, archive, e=None):
    return next(Course(e or checkpoint.experiment, None, checkpoint, archive=archive).frames())


def spoilt(checkpoint, part, **changes):
    return dataclasses.replace(checkpoint, **{part: {**getattr(checkpoint, part), **changes}})


def test_other_pictures_and_other_networks_are_refused(kept, archive):
    with pytest.raises(CheckpointError, match="other pictures"):
        resumed(kept, None)
    with pytest.raises(CheckpointError, match="another network"):
        resumed(kept, archive, experiment(4, spec=dataclasses.replace(TINY, depth=2)))


@pytest.mark.parametrize(
    ("part", "changes", "words"),
    [
        ("tensors", {"flat": torch.zeros(3)}, "its flat"),
        ("tensors", {"mean": torch.zeros(3, dtype=torch.int64)}, "its mean"),
        ("tensors", {"noise": torch.zeros(5, dtype=torch.uint8)}, "make no sense"),
        ("numbers", {"iteration": -1}, "below 0"),
        ("numbers", {"seconds": float("nan")}, "finite"),
        ("numbers", {"rate_factor": 50.0}, "smaller"),
        ("numbers", {"watch": {}}, "make no sense"),
        ("numbers", {"pool": {"bit_generator": "PCG64", "state": "x"}}, "make no sense"),
        ("numbers", {"count": "many"}, "make no sense"),
    ],
)
def test_what_makes_no_sense_is_refused(kept, archive, part, changes, words):
    with pytest.raises(CheckpointError, match=words):
        resumed(spoilt(kept, part, **changes), archive)


def test_numbers_that_are_not_finite_are_refused(kept, archive):
    for name, value in (("flat", torch.inf), ("square", -1.0)):
        with pytest.raises(CheckpointError, match=f"its {name} holds"):
            resumed(spoilt(kept, "tensors", **{name: torch.full_like(kept.tensors["flat"], value)}), archive)


def test_broken_files_are_refused(kept, tmp_path):
    path = tmp_path / "c.safetensors"
    checkpoints.save(kept, path)
    raw = path.read_bytes()
    network, middle = sealed({"format": 1}, {}), len(raw) // 2
    for bad, words in (
        (raw[:-1], "damaged"), (raw[:50], "not a model file"), (b"", "not a model file"), (network, "--from"),
        (raw[:middle] + bytes([raw[middle] ^ 1]) + raw[middle + 1 :], "damaged"),
        (b"\x80\x04K\x01.", "not a model file"),
    ):  # fmt: skip
        path.write_bytes(bad)
        with pytest.raises(CheckpointError, match=words) as refusal:
            checkpoints.load(path)
        assert "c.safetensors" in str(refusal.value)
    for about in (
        {"checkpoint": 1},
        {"checkpoint": "x"},
        {"checkpoint": 9},
        {"checkpoint": 1, "experiment": 3},
    ):
        path.write_bytes(sealed(about, {}))
        with pytest.raises(CheckpointError):
            checkpoints.load(path)
    with pytest.raises(CheckpointError, match="cannot be read"):
        checkpoints.load(tmp_path / "none.safetensors")


def test_a_checkpoint_is_no_model_and_says_so(kept, tmp_path):
    checkpoints.save(kept, tmp_path / "c.safetensors")
    with pytest.raises(ModelFileError, match="checkpoint of a training"):
        load_model(tmp_path / "c.safetensors")


def test_a_checkpoint_of_another_kind_of_device_goes_on_with_other_noise(kept, archive):
    other = spoilt(
        dataclasses.replace(kept, device="cuda"), "tensors", noise=torch.zeros(16, dtype=torch.uint8)
    )
    assert np.isfinite(resumed(other, archive).loss)


# --- memory --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("none"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"),
    ],
)
def test_without_memory_the_batch_is_halved(archive, monkeypatch, error):
    step = PictureRun.step

    def narrow(run, *tensors):
        if len(tensors[0]) > 20:
            raise error
        return step(run, *tensors)

    monkeypatch.setattr(PictureRun, "step", narrow)
    last = list(Course(experiment(3, batch=64), archive=archive).frames())[-1]
    assert last.batch == 16 and "halved to 16" in last.note
    assert out_of_memory(error) and not out_of_memory(RuntimeError("something else"))


def test_too_few_classes_are_said(archive):
    with pytest.raises(TrainingError, match="10 labels and the network 3"):
        next(Course(experiment(spec=dataclasses.replace(TINY, classes=3)), archive=archive).frames())


# --- the command and several processes ------------------------------------------------------------------------


def commanded(capsys, *arguments):
    """(code, stdout, stderr) of the command in this process."""
    code = main(["train", *map(str, arguments)])
    return (code, *capsys.readouterr())


def test_the_command_trains_keeps_and_goes_on(
    files, archive, capsys, tmp_path, monkeypatch, at_every_iteration
):
    """Ctrl-C after four of six iterations; gone on from, it ends with the weights of a training that was let be."""
    whole = list(Course(experiment(6), archive=archive).frames())[-1]
    iterate, pressed = PictureRun.iterate, []

    def interrupted(run):
        iterate(run)
        if run.iteration == 4 and not pressed:
            pressed.append(True)
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(PictureRun, "iterate", interrupted)
    digits = ("--archive", files / "digits.npz", "--out", tmp_path / "m.safetensors")
    kept = tmp_path / "c.safetensors"
    code, out, err = commanded(capsys, files / "e.json", *digits, "--checkpoint", kept, "--iterations", 6)
    assert code == 1 and "held out" in err and "as it was after 4 iterations" in err
    told = json.loads(out)
    assert told["iterations"] == 4 and told["held_out"] > 0 and "floor" not in told
    assert checkpoints.load(kept).numbers["iteration"] == 4
    code, out, _ = commanded(capsys, "--resume", kept, *digits)
    assert code == 0 and json.loads(out)["iterations"] == 6
    same(load_model(tmp_path / "m.safetensors").weights, whole.weights)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "name an EXPERIMENT.json"),
        (("{e}", "--resume", "{m}", "--from", "{m}"), "choose one"),
        (("{e}", "--resume", "{m}"), "it is a network, not a checkpoint"),
        (("{e}", "--archive", "{e}"), "is no archive of pictures"),
        (
            ("{e}", "--set", "data=two_moons", "--checkpoint", "{c}"),
            "--checkpoint is for training on pictures",
        ),
        (("{e}", "--set", "data=two_moons", "--from", "{m}"), "cannot go on with data of 2"),
        (("{e}", "--set", "seed=7", "--resume", "{c}"), "another seed"),
        (("--resume", "{c}", "--set", "seed=7"), "--set needs an EXPERIMENT.json"),
        (("--resume", "{c}"), "other pictures"),
    ],
)
def test_wrong_use_is_one_sentence(files, kept, capsys, tmp_path, arguments, words):
    checkpoints.save(kept, tmp_path / "c.safetensors")
    save_model(untrained(experiment()), tmp_path / "m.safetensors")
    places = {"e": files / "e.json", "m": tmp_path / "m.safetensors", "c": tmp_path / "c.safetensors"}
    named = [argument.format(**places) for argument in arguments]
    code, out, err = commanded(capsys, *named, "--out", tmp_path / "out.safetensors")
    assert code == 2 and out == ""
    assert words in err and err.strip().splitlines()[-1].endswith(".")
    assert not (tmp_path / "out.safetensors").exists()


def spoilt_archives(whole, folder):
    """Files that claim to be archives of pictures, by what is wrong with them."""
    with np.load(whole) as archive:
        arrays = dict(archive)
    np.savez_compressed(folder / "sound.npz", **arrays)
    raw = (folder / "sound.npz").read_bytes()
    flipped = bytearray(raw)
    flipped[len(raw) // 3 : len(raw) // 3 + 64] = bytes(64)
    contents = {"cut": raw[: len(raw) // 2], "flipped": bytes(flipped), "empty": b"", "words": b"words" * 99}
    np.savez(folder / "plain.npz", **arrays)
    plain = (folder / "plain.npz").read_bytes()
    at = plain.index(b"'descr'")
    for name, where in (("quote", at + 1), ("brace", plain.index(b"}", at)), ("crc", len(plain) // 2)):
        contents[name] = plain[:where] + bytes([plain[where] ^ 0xFF]) + plain[where + 1 :]
    contents["bracket"] = plain.replace(b", 28), }", b", 28 , }", 1)  # what its header's reader chokes on
    for name, content in contents.items():
        (folder / f"{name}.npz").write_bytes(content)
    np.save(folder / "one.npy", arrays["x_train"])
    (folder / "one.npy").rename(folder / "one.npz")
    changes = {
        "labels": {"y_train": arrays["y_train"].astype(str)}, "below": {"y_test": arrays["y_test"].astype(int) - 1},
        "halves": {"y_train": arrays["y_train"] + 0.5}, "nan": {"y_train": arrays["y_train"] * np.nan},
        "huge": {"y_train": arrays["y_train"].astype(np.uint64) + 2**63},
        "sizes": {"x_test": arrays["x_test"][:, :20]}, "kind": {"x_train": arrays["x_train"] / 255},
    }  # fmt: skip
    for name, change in changes.items():
        np.savez(folder / f"{name}.npz", **arrays | change)
    return sorted([*contents, "one", *changes])


def test_what_is_no_archive_is_said(files, tmp_path):
    for name in spoilt_archives(files / "digits.npz", tmp_path):
        with pytest.raises(ImageError, match=rf"^{name}\.npz") as told:
            read(tmp_path / f"{name}.npz")
        assert "pickle" not in str(told.value) and len(str(told.value)) < 120
    with pytest.raises(ImageError, match="No such file"):
        read(tmp_path / "gone.npz")


def test_the_classes_follow_the_pictures():
    e = with_data(Experiment(), DATA["mnist"]())
    assert with_data(e, DATA["twemoji"]()).score.unet.classes == 9
    plain = dataclasses.replace(
        e, score=dataclasses.replace(e.score, unet=dataclasses.replace(e.score.unet, classes=0))
    )
    assert with_data(plain, DATA["twemoji"]()).score.unet.classes == 0


def started(folder, *arguments, rank=0, size=1, port=0):
    environment = {k: v for k, v in os.environ.items() if k not in ("RANK", "WORLD_SIZE")} | {
        "OMP_NUM_THREADS": "1"
    }
    if size > 1:
        environment |= {
            "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(size), "LOCAL_WORLD_SIZE": str(size),
            "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
        }  # fmt: skip
    command = [sys.executable, str(ROOT / "main.py"), "train", *map(str, arguments)]
    return subprocess.Popen(
        command, cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )  # fmt: skip


def ended(process):
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def fleet(folder, *arguments, each=lambda rank: ()):
    """(code, stdout, stderr) of two processes, as torchrun starts them."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    both = [started(folder, *arguments, *each(rank), rank=rank, size=2, port=port) for rank in (0, 1)]
    return [ended(process) for process in both]


def test_two_processes_are_as_one_and_their_checkpoint_serves_one(files, archive):
    """Two gloo processes on the CPU: the same global batch gives the same network; one process goes on from it."""
    alone = list(Course(experiment(4), archive=archive).frames())[-1]
    leader, other = fleet(
        files,
        "e.json",
        "--archive",
        "digits.npz",
        "--out",
        "two.safetensors",
        "--checkpoint",
        "two.c.safetensors",
    )
    assert leader[0] == 0, leader[2]
    assert other == (0, "", "")
    told = json.loads(leader[1])
    assert told["held_out"] == pytest.approx(alone.held, rel=1e-4)
    for name, w in load_model(files / "two.safetensors").weights.items():
        torch.testing.assert_close(w, alone.weights[name], rtol=1e-3, atol=1e-4)
    checkpoint = checkpoints.load(files / "two.c.safetensors")
    assert checkpoint.numbers["iteration"] == 4
    on = list(Course(experiment(6), None, checkpoint, archive=archive).frames())[-1]
    assert on.iteration == 6 and np.isfinite(on.held)


def test_torchrun_goes_on_from_a_checkpoint_with_two_processes(files, archive, at_every_iteration):
    """The documented command, as torchrun is found on every machine: as if one process had never stopped."""
    alone = list(Course(experiment(4), archive=archive).frames())[-1]
    begun = Course(experiment(4), archive=archive)
    until(begun, 2)
    checkpoints.save(begun.checkpoint(), files / "half.c.safetensors")
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(ROOT / "main.py")]
    train = ["train", "--resume", "half.c.safetensors", "--archive", "digits.npz", "--out", "on.safetensors"]
    done = subprocess.run(
        [sys.executable, *torchrun, *train], cwd=files, env=os.environ | {"OMP_NUM_THREADS": "1"}, text=True,
        capture_output=True, timeout=180,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)  # one process speaks
    assert told["iterations"] == 4 and told["held_out"] == pytest.approx(alone.held, rel=1e-4)
    for name, w in load_model(files / "on.safetensors").weights.items():
        torch.testing.assert_close(w, alone.weights[name], rtol=1e-3, atol=1e-4)


def test_a_fleet_refuses_in_one_voice(files):
    leader, other = fleet(files, "e.json", "--set", "data=two_moons", "--out", "m.safetensors")
    assert leader[0] == 2 and "points train in one process" in leader[2]
    assert other == (2, "", "")
