"""Numbers as people type them: every locale's marks, one reading or a refusal that names both."""

import json

import pytest

from explorer.base.numbers import PLAIN, Marks, NumberError, number
from explorer.cli import main
from explorer.cli.errors import Parser, WrongUse

ENGLISH, GERMAN, FRENCH = Marks(".", ","), Marks(",", "."), Marks(",", "\u202f")
SWISS, INDIAN = Marks(".", "’"), Marks(".", ",")
ALL = (PLAIN, ENGLISH, GERMAN, FRENCH, SWISS)


@pytest.mark.parametrize("marks", ALL)
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7", 7), (" 7.5 ", 7.5), ("0,16", 0.16), (".5", 0.5), (",5", 0.5), ("5.", 5), ("1/4", 0.25), ("1 / 4", 0.25),
        ("50 %", 0.5), ("12,5%", 0.125), ("1e3", 1000), ("1E-3", 1e-3), ("2,5e2", 250), ("−3", -3), ("– 3", -3),
        ("+4", 4), ("1 000", 1000), ("1\u00a0000", 1000), ("1\u202f000\u202f000", 10**6), ("1\u2009234,5", 1234.5),
        ("1'000", 1000), ("1’000.25", 1000.25), ("1_000", 1000), ("1,234.5", 1234.5), ("1.234,5", 1234.5),
        ("1,234,567", 1234567), ("1.234.567", 1234567), ("12,34,567", 1234567), ("1,234,567.8", 1234567.8),
        ("0,160", 0.16), ("0.125", 0.125), ("1000,5", 1000.5), ("1000,500", 1000.5), ("1 000,000", 1000),
        ("1 000/4", 250), ("9007199254740993", 9007199254740993), ("1,2345", 1.2345),
        ("٣٫٥", 3.5), ("١٬٢٣٤", 1234), ("１２", 12),
    ],
)  # fmt: skip
def test_what_has_one_reading_is_read_in_every_locale(text, value, marks):
    got = number(text, marks)
    assert got == value
    assert isinstance(got, int) == float(value).is_integer()


@pytest.mark.parametrize(
    ("text", "marks", "value"),
    [
        ("1,000", ENGLISH, 1000), ("2,500", INDIAN, 2500), ("1,234", GERMAN, 1.234), ("1,234", FRENCH, 1.234),
        ("1.234", ENGLISH, 1.234), ("1.234", PLAIN, 1.234), ("1.234", FRENCH, 1.234), ("1.250", SWISS, 1.25),
        ("-1,000", ENGLISH, -1000), ("1,000e1", ENGLISH, 10000), ("1,000/3,000", ENGLISH, 1 / 3),
    ],
)  # fmt: skip
def test_of_two_readings_the_locale_decides(text, marks, value):
    assert number(text, marks) == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize(
    ("text", "marks", "whole"),
    [
        ("1,000", PLAIN, False), ("1,234", SWISS, False), ("1.234", GERMAN, False),
        ("1.000", PLAIN, True), ("1.000", ENGLISH, True), ("1,000", GERMAN, True), ("2,000", FRENCH, True),
    ],
)  # fmt: skip
def test_where_nothing_decides_both_readings_are_named(text, marks, whole):
    one, other = float(text.replace(",", ".")), float(text.replace(",", "").replace(".", ""))
    with pytest.raises(NumberError, match=rf"can mean {one:g} or {other:g}"):
        number(text, marks, whole=whole)


@pytest.mark.parametrize(
    ("text", "value"),
    [("1000", 1000), ("1 000", 1000), ("1e3", 1000), ("1.0", 1), ("1,0", 1), ("−2", -2), ("4/2", 2), ("1,000.0", 1000),
     ("10_000", 10_000), ("1,23,456", 123456)],
)  # fmt: skip
@pytest.mark.parametrize("marks", ALL)
def test_whole_numbers(text, value, marks):
    got = number(text, marks, whole=True)
    assert got == value and isinstance(got, int)


@pytest.mark.parametrize("marks", [PLAIN, ENGLISH, SWISS])
def test_a_thousand_is_no_one(marks):
    assert number("1,000", marks, whole=True) == 1000
    assert number("1.000", GERMAN, whole=True) == 1000


@pytest.mark.parametrize("marks", ALL)
@pytest.mark.parametrize(
    "text",
    [
        "1,5",
        "1.5",
        "0,5",
        "1/3",
        "2.0001",
        "1,000.5",
        "50%",
        "1e-1",
        "1e400",
        "1,00",
        "1000,000",
        "0,000",
        "2.00",
    ],
)
def test_a_whole_number_never_comes_from_a_decimal_reading(text, marks):
    with pytest.raises(NumberError, match="a whole number, not"):
        number(text, marks, whole=True)


@pytest.mark.parametrize("marks", ALL)
@pytest.mark.parametrize(
    "text",
    ["", "abc", "1 00", "1 0000", "10,00,0.1.2", "1,2,3", "1..2", "1'0", "1 000'000", "1,000 000", "--1", "1/0", "1/",
     "0x10", "1e", "e3", "nan", "inf", "%", ".", ",", "1 2", "1,,000", "(1)"],
)  # fmt: skip
def test_what_is_no_number_is_refused(text, marks):
    with pytest.raises(NumberError):
        number(text, marks)


def test_beyond_all_floats():
    for text in ("1e999", "-1e999", "9" * 400):
        with pytest.raises(NumberError, match="a finite number, not"):
            number(text)
    assert number("9" * 200) == int("9" * 200)


@pytest.mark.parametrize(
    ("sets", "field", "value"),
    [
        (["sampler.steps=1,000"], "sampler.steps", 1000), (["sampler.steps=1 000"], "sampler.steps", 1000),
        (["sampler.steps=1'000"], "sampler.steps", 1000), (["sampler.steps=1e3"], "sampler.steps", 1000),
        (["sampler.steps=70.0"], "sampler.steps", 70), (["sampler.particles=2_000"], "sampler.particles", 2000),
        (["sde=vp", "sde.beta_max=12,5"], "sde.beta_max", 12.5), (["sde.beta_max=25/2"], "sde.beta_max", 12.5),
        (["look.arrows=1e1"], "look.arrows", 10),
        (["score.training.learning_rate=5e-3"], "score.training.learning_rate", 0.005),
        (["sampler.snr=16%"], "sampler.snr", 0.16),
        (["sampler.mode=ode", "sampler.solver=dopri5", "sampler.solver.rtol=1,5e-4"], "sampler.solver.rtol", 1.5e-4),
    ],
)  # fmt: skip
def test_the_command_line_reads_them_alike(sets, field, value, capsys):
    options = [part for assignment in sets for part in ("--set", assignment)]
    assert main(["new", *options]) == 0
    found = json.loads(capsys.readouterr().out)
    for name in field.split("."):
        found = found[name]
    assert found == value


@pytest.mark.parametrize(
    ("assignment", "says"),
    [
        ("sampler.steps=1,5", "sampler.steps must be a whole number, not '1,5'"),
        ("sampler.steps=2.5", "sampler.steps must be a whole number, not 2.5"),
        ("sampler.steps=1.000", "can mean 1 or 1000"), ("sde.beta_max=1,234", "can mean 1.234 or 1234"),
        ("sampler.steps=many", "sampler.steps must be a whole number, not 'many'"),
        ("compare.sampler.steps=1,5", "compare.sampler.steps must be a whole number"),
        ("sde.beta_max=NaN", "must be a number"), ("sampler.steps=true", "must be a whole number"),
    ],
)  # fmt: skip
def test_the_command_line_refuses_them_alike(assignment, says, capsys):
    assert main(["new", "--set", assignment]) == 2
    assert says in capsys.readouterr().err


def test_options_read_them_alike(capsys):
    parser = Parser("x")
    parser.add_argument("--n", type=int)
    parser.add_argument("--t", type=float)
    assert vars(parser.parse_args(["--n", "1,000", "--t", "0,5"])) == {"n": 1000, "t": 0.5}
    with pytest.raises(WrongUse, match=r"--n: must be a whole number, not '1,5'"):
        parser.parse_args(["--n", "1,5"])
