"""pretrain: the networks that come with the program, trained anew."""

from __future__ import annotations

from explorer.cli.errors import Parser


def main(program: str, argv: list[str]) -> int:
    """Hand over: pictures have a parser of their own, and help shows both."""
    from explorer.pretraining import images as pretrain_pictures
    from explorer.pretraining import points as pretrain

    if argv in (["-h"], ["--help"]):
        print(f"{pretrain.parser().format_help()}\n{pretrain_pictures.parser().format_help()}", end="")
        return 0
    if any(word.split("=")[0] == "--pictures" for word in argv):
        return pretrain_pictures.main(argv, Parser)
    return pretrain.main(argv, Parser)
