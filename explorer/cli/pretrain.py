"""pretrain: the networks that come with the program, trained anew."""

from __future__ import annotations


def main(program: str, argv: list[str]) -> int:
    """Hand over."""
    from explorer.pretrain import main as pretrain

    return pretrain(argv)
