"""pretrain: the networks that come with the program, trained anew."""

from __future__ import annotations


def main(program: str, argv: list[str]) -> int:
    """Hand over: pictures have a command of their own."""
    if any(word.split("=")[0] == "--pictures" for word in argv):
        from explorer.pretrain_pictures import main as pretrain
    else:
        from explorer.pretrain import main as pretrain
    return pretrain(argv)
