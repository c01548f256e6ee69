"""README and docs say what is so: their examples run, their links lead somewhere, their names are the program's."""

import json
import re
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest

from explorer.cli import COMMANDS
from explorer.cli import main as command_line
from explorer.data.distributions import DISTRIBUTIONS
from explorer.diffusion import frames
from explorer.diffusion.samplers import PREDICTORS, Sampler
from explorer.diffusion.scores import ExactScore
from explorer.diffusion.sdes import SDES
from explorer.diffusion.simulate import simulate
from explorer.session import document

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
PAGES = [README, ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
#: Commands that are cheap enough to be run as they stand; of the others the options are looked up.
CHEAP = ("list", "new", "run")


def blocks(page, language):
    """The fenced blocks of a page in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S)


def prose(page):
    """A page without its fenced blocks."""
    return re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)


def section(page, title):
    """The part of a page under a heading."""
    return re.split(r"^## ", prose(page).split(f"\n## {title}\n")[1], flags=re.M)[0]


def anchors(page):
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.M)
    return {re.sub(r"[^\w\- ]", "", h.lower()).strip().replace(" ", "-") for h in headings}


def named(pages, language):
    """Test parameters: each block with a name that says where it stands."""
    found = [(page, i, code) for page in pages for i, code in enumerate(blocks(page, language))]
    return [pytest.param(code, id=f"{page.stem}-{i}") for page, i, code in found]


EXAMPLES = named(PAGES, "python")
(SAMPLER,) = (p.values[0] for p in EXAMPLES if ".register(" in p.values[0])
(ORDERS,) = (p.values[0] for p in EXAMPLES if "curve.slope()" in p.values[0])
PLAIN = [p for p in EXAMPLES if p.values[0] not in (SAMPLER, ORDERS)]


@pytest.mark.parametrize("code", PLAIN)
def test_examples_run(code, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # what an example writes
    exec(compile(code, "example", "exec"), {"__name__": "example"})


def test_the_example_of_convergence_shows_the_declared_orders(capsys):
    exec(compile(ORDERS, "example", "exec"), {"__name__": "example"})
    rows = re.findall(r"order (\S+) slope [−-](\S+) ± (\S+)", capsys.readouterr().out)
    assert len(rows) == 2
    for order, slope, width in rows:
        assert float(order) < float(slope) + float(width) and float(slope) < float(order) + 0.3
        assert float(width) < 0.25


@pytest.fixture
def new_predictor(tmp_path, monkeypatch):
    """The sampler of the docs, from a module of its own; taken out of the registry again."""
    before = set(PREDICTORS)
    (tmp_path / "sampler_of_the_docs.py").write_text(SAMPLER, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "sampler_of_the_docs", raising=False)
    try:
        __import__("sampler_of_the_docs")
        (name,) = set(PREDICTORS) - before
        yield name
    finally:
        for name in set(PREDICTORS) - before:
            del PREDICTORS._classes[name]
        sys.modules.pop("sampler_of_the_docs", None)


@pytest.mark.parametrize("sde", SDES)
def test_the_new_sampler_samples(new_predictor, sde):
    data, process = DISTRIBUTIONS["eight_gaussians"](), SDES[sde]()
    sampler = Sampler(mode="reverse", predictor=PREDICTORS[new_predictor](), steps=100, particles=1000)
    *_, last = simulate(process, sampler, ExactScore(data.mixture, process), data.mixture)
    radius = (last.x.astype(float) ** 2).sum(axis=1) ** 0.5
    assert last.nfe == 100
    assert abs(radius.mean() - 2**0.5) < 0.05 and radius.std() < 0.3


@pytest.mark.parametrize("sde", ["vp", "subvp"])
def test_the_new_sampler_takes_one_step_from_the_most_noise_there_is(new_predictor, sde):
    """The signal at t = 1 is then e^-100, and what divides by it passes float32."""
    data, process = DISTRIBUTIONS["eight_gaussians"](), SDES[sde](beta_max=400.0)
    for denoise in (True, False):
        sampler = Sampler(predictor=PREDICTORS[new_predictor](), steps=1, particles=4, denoise=denoise)
        *_, last = simulate(process, sampler, ExactScore(data.mixture, process), data.mixture)
        assert np.isfinite(last.x).all()


def test_the_new_sampler_is_known_to_files_and_shell(new_predictor, capsys):
    text = json.dumps({"sampler": {"mode": "reverse", "predictor": new_predictor}})
    found, _ = document.loads(text)
    assert document.loads(document.dumps(found))[0] == found
    assert command_line(["list", "predictors"]) == 0
    assert new_predictor in capsys.readouterr().out


def test_the_new_sampler_takes_about_ten_lines():
    body = SAMPLER[SAMPLER.index("@PREDICTORS") :].splitlines()
    assert len([line for line in body if line.strip()]) <= 12


@pytest.mark.parametrize("text", named(PAGES, "json"))
def test_experiments_are_read(text):
    assert document.loads(text)[1] == ""


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_links_lead_somewhere(page):
    text = prose(page)
    targets = re.findall(r"\]\(([^()\s]+(?:\([^()]*\)[^()\s]*)*)\)", text)
    targets += re.findall(r'(?:src|srcset)="([^"]+)"', text)
    missing = []
    for target in targets:
        if re.match(r"https?:", target):
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        if not path.exists() or (anchor and anchor not in anchors(path)):
            missing.append(target)
    assert not missing


def test_every_page_is_linked_from_the_readme():
    assert not [
        page.name for page in PAGES[2:] if f"docs/{page.name}" not in README.read_text(encoding="utf-8")
    ]


def test_the_readme_starts_with_pictures():
    start = README.read_text(encoding="utf-8").split("## ")[0]
    for name, magic in (("dark.png", b"\x89PNG"), ("demo.gif", b"GIF8")):
        path = f"packaging/screenshots/{name}"
        assert path in start
        assert (ROOT / path).read_bytes().startswith(magic)


def commands(page):
    """The argument lists of the commands in a page, in order: `python main.py ...`, `score-explorer ...`."""
    text = page.read_text(encoding="utf-8")
    program = r"(?:(?:\.venv/bin/)?python main\.py|score-explorer)"
    lines = re.findall(rf"(?:^|`|\| ){program}(?![\w-])([^`\n]*)", text, re.M)
    return [shlex.split(line, comments=True) for line in lines]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_commands_exist(page, capsys):
    for argv in commands(page):
        if not argv or argv[0].isupper() or argv[0].endswith(".json"):
            continue  # the window
        assert argv[0] in COMMANDS, argv
        options = [word.split("=")[0] for word in argv[1:] if word.startswith("--")]
        assert command_line([argv[0], "--help"]) == 0
        told = capsys.readouterr().out
        assert all(re.search(rf"{option}\b", told) for option in options), argv


def test_commands_of_the_readme_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    ran = []
    for argv in commands(README):
        if not argv or argv[0] not in CHEAP or "--model" in argv:
            continue
        to = argv[argv.index(">") + 1] if ">" in argv else None
        assert command_line(argv[: argv.index(">")] if to else argv) == 0, argv
        out = capsys.readouterr().out
        if to:
            Path(to).write_text(out, encoding="utf-8")
        ran.append(argv[0])
    assert set(ran) == set(CHEAP)
    assert Path("run.npz").stat().st_size > 0


@pytest.fixture(scope="module")
def window_commands():
    """keys -> words, of every command of the window."""
    from explorer.ui.window import actions

    return {c.keys: c.text.rstrip("…") for c in actions.COMMANDS if c.keys}


def test_the_keys_of_the_readme_are_those_of_the_window(window_commands):
    rows = re.findall(r"^\| `([^`]+)` \| (.*) \|$", section(README, "Keys"), re.M)
    assert len(rows) > 20
    for keys, words in rows:
        assert window_commands.get(keys) == words.replace("\\|", "|"), keys


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_keys_in_the_text_exist(page, window_commands):
    """`Ctrl+E`, `F5`, `5` in backticks; Esc and Enter belong to the drawing board."""
    pressed = re.findall(r"`((?:Ctrl\+|Shift\+)+[^`]+|F\d+|Space|Home|End|[A-Z1-9?.,])`", prose(page))
    assert not [keys for keys in pressed if keys not in window_commands]


def test_the_tour_uses_the_names_on_the_screen():
    source = "\n".join(p.read_text(encoding="utf-8") for p in sorted((ROOT / "explorer").rglob("*.py")))
    tour = section(README, "Five minutes")
    names = [n for n in re.findall(r"\*\*([^*]+)\*\*", tour) if not n.endswith(".")]
    assert len(names) > 10
    assert not [name for name in names if f'"{name}"' not in source]


def test_the_packages_of_the_docs_are_those_of_the_program():
    rows = re.findall(r"^\| (`.*?) \|", section(ROOT / "docs/architecture.md", "Packages"), re.M)
    names = re.findall(r"`(\w+)`", "".join(rows))
    assert sorted(names) == sorted(p.parent.name for p in (ROOT / "explorer").glob("*/__init__.py"))


def test_budgets_are_those_of_the_program():
    budget = f"{frames.BYTE_BUDGET // 10**6} MB"
    for page in (README, ROOT / "docs" / "architecture.md"):
        assert set(re.findall(r"\d+ MB(?=(?:\s+drops| \(`diffusion.frames))", prose(page))) == {budget}


def test_the_number_of_built_in_distributions_is_right():
    count = sum(cls.builtin for cls in DISTRIBUTIONS.values())
    assert f"*All {count}*" in prose(ROOT / "docs" / "distributions.md")
    assert {18: "eighteen"}[count] in prose(README)


def test_the_networks_are_as_good_as_the_docs_say():
    cards = [json.loads(p.read_text(encoding="utf-8")) for p in (ROOT / "pretrained").glob("*.json")]
    cards = [card for card in cards if "energy_distance" in card]  # those for pictures are measured otherwise
    assert {card["name"] for card in cards} == {name for name, cls in DISTRIBUTIONS.items() if cls.builtin}
    ratios = [under["ratio"] for card in cards for under in card["energy_distance"].values()]
    claim = re.search(r"by at most ([\d.]+) of the floor", prose(ROOT / "docs" / "scores-and-training.md"))
    assert max(ratios) <= 1 + float(claim[1])


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_source_files_named_in_the_text_exist(page):
    named = re.findall(r"`((?:explorer|tests|tools|docs|assets|pretrained)/[\w/.-]+)`", prose(page))
    placeholders = ("exponential_euler", "NAME")
    assert not [n for n in named if not (ROOT / n).exists() and not any(p in n for p in placeholders)]


def test_the_change_log_knows_this_version():
    from explorer import __version__

    assert f"\n## {__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
