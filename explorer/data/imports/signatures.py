"""What a file is by how it begins, whatever it is called."""

from __future__ import annotations

import io
import re
import zipfile
from typing import BinaryIO

#: Kinds that are read; any other kind is said in words.
TEXT, NPY, NPZ, PARQUET, WORKBOOK, PICTURE = "text", "npy", "npz", "parquet", "workbook", "picture"
#: Archives of one file, unpacked as they are read.
GZIP, BZIP2, XZ = "gzip", "bzip2", "xz"
READ = (TEXT, NPY, NPZ, PARQUET, WORKBOOK, PICTURE, GZIP, BZIP2, XZ)

_PICKLE = "a pickle, which is never opened, since it may run programs: save the points as NPY or CSV"
#: (offset, bytes, kind)
_MARKS: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x93NUMPY", NPY),
    (0, b"PAR1", PARQUET),
    (0, b"\x1f\x8b", GZIP),
    (0, b"BZh", BZIP2),
    (0, b"\xfd7zXZ\0", XZ),
    (0, b"\x89PNG\r\n\x1a\n", PICTURE),
    (0, b"\xff\xd8\xff", PICTURE),
    (0, b"GIF8", PICTURE),
    (0, b"II*\0", PICTURE),
    (0, b"MM\0*", PICTURE),
    (8, b"WEBP", PICTURE),
    (0, b"\x89HDF\r\n\x1a\n", "an HDF5 file (MATLAB 7.3 and Keras write such): save its points as NPY or CSV"),
    (0, b"MATLAB 5.0 MAT-file", "a MATLAB file: save its points as CSV (writematrix)"),
    (0, b"SQLite format 3\0", "an SQLite database: export its table as CSV"),
    (0, b"%PDF", "a PDF document"),
    (0, b"%!PS", "a PostScript document"),
    (0, b"{\\rtf", "an RTF document"),
    (0, b"ARROW1", "a Feather (Arrow) file: save it as Parquet or CSV"),
    (0, b"FEA1", "a Feather file: save it as Parquet or CSV"),
    (0, b"ORC", "an ORC file: save it as Parquet or CSV"),
    (0, b"Obj\x01", "an Avro file: save it as Parquet or CSV"),
    (0, b"<stata_dta>", "a Stata file: export it as CSV"),
    *((0, bytes([version, order, 1, 0]), "a Stata file: export it as CSV") for version in b"qrs" for order in (1, 2)),
    (0, b"$FL2", "an SPSS file: export it as CSV"),
    (0, b"SIMPLE  =", "a FITS file: save its table as CSV"),
    (0, b"CDF\x01", "a NetCDF file: save its points as CSV"),
    (0, b"CDF\x02", "a NetCDF file: save its points as CSV"),
    (0, b"RDX2\n", "an R data file: write its table as CSV (write.csv)"),
    (0, b"RDX3\n", "an R data file: write its table as CSV (write.csv)"),
    (0, b"X\n\0\0\0", "an R data file: write its table as CSV (write.csv)"),
    (0, b"\x7fELF", "a program"),
    (0, b"MZ", "a Windows program"),
    (0, b"\xcf\xfa\xed\xfe", "a program"),
    (0, b"\xca\xfe\xba\xbe", "a program"),
    (0, b"\0asm", "a WebAssembly program"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive: unpack it first"),
    (0, b"Rar!\x1a\x07", "a RAR archive: unpack it first"),
    (0, b"\x28\xb5\x2f\xfd", "a Zstandard archive: unpack it first"),
    (257, b"ustar", "a TAR archive: unpack it first"),
    (0, b"\x1aE\xdf\xa3", "a video (Matroska or WebM)"),
    (0, b"OggS", "a sound or video file (Ogg)"),
    (0, b"ID3", "a sound file (MP3)"),
    (0, b"fLaC", "a sound file (FLAC)"),
    (8, b"WAVE", "a sound file (WAV)"),
    (8, b"AVI ", "a video (AVI)"),
    (0, b"\0\x01\0\0\0", "a font"),
    (0, b"OTTO", "a font"),
    (0, b"wOFF", "a font"),
    (0, b"wOF2", "a font"),
    (0, b"\0\0\x01\0", PICTURE),
    (0, b"8BPS", "a Photoshop image: save it as PNG"),
    *((0, bytes([0x80, protocol]), _PICKLE) for protocol in (2, 3, 4, 5)),
)  # fmt: skip
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_PAGES = (b"<!doctype html", b"<html", b"<table")
#: How a pickle begins that is written in letters.
_PICKLED = re.compile(rb"\(?c[a-z_.0-9]+\n[A-Za-z_]+\n|\((lp|dp)\d+\n|\]q\x00|\}q\x00")
_IN_WORDS = {
    NPY: "a NumPy array: unpack it first", NPZ: "a ZIP archive: unpack it first", PARQUET: "a Parquet file: unpack it "
    "first", WORKBOOK: "a workbook: unpack it first", PICTURE: "an image: unpack it first",
    **dict.fromkeys((GZIP, BZIP2, XZ), "another archive: unpack it first"),
}  # fmt: skip
#: Bytes that the kinds above are known by.
LOOKED_AT = 1 << 16


def packed_kind(start: bytes) -> str:
    """What is packed, by its first bytes, where it is no text; else ""."""
    kind = kind_of(start, io.BytesIO(start))
    return "" if kind == TEXT else _IN_WORDS.get(kind, kind)


def kind_of(start: bytes, file: BinaryIO) -> str:
    """One of READ, or in words what else it is.

    `start`: its first LOOKED_AT bytes; `file`: all of it, looked at only where an archive's list of members tells.
    """
    for offset, mark, kind in _MARKS:
        if start.startswith(mark, offset):
            return kind
    if start.startswith(b"PK\3\4") or start.startswith(b"PK\5\6"):
        return _zip_kind(start, file)
    if start.startswith(_OLE):
        return "a Word document" if "WordDocument".encode("utf-16-le") in start else WORKBOOK
    if start[4:8] == b"ftyp":
        return PICTURE if start[8:12] == b"avif" else _film(start[8:12])
    if start.startswith(b"BM") and start[6:10] == bytes(4):
        return PICTURE
    return _text_kind(start)


def _film(brand: bytes) -> str:
    return "an image (HEIC): save it as PNG or JPEG" if brand[:2] in (b"he", b"mi") else "a video (MP4)"


def _zip_kind(start: bytes, file: BinaryIO) -> str:
    """By the names of its members."""
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError, OverflowError, NotImplementedError, OSError):
        return NPZ if b".npy" in start else "a damaged ZIP archive"
    office = {"xl/": WORKBOOK, "word/": "a Word document", "ppt/": "a PowerPoint file"}
    for folder, kind in office.items():
        if any(name.startswith(folder) for name in names):
            return kind
    if b"opendocument.spreadsheet" in start[:200]:
        return WORKBOOK
    if b"opendocument" in start[:200]:
        return "an OpenDocument file: save its table as ODS or CSV"
    if any(n.endswith(("data.pkl", ".pickle", ".pkl")) for n in names):
        return "a PyTorch file or pickle, which is never opened, since it may run programs: save the points as NPY"
    if not names or any(n.endswith(".npy") for n in names):
        return NPZ
    return "a ZIP archive: unpack it first"


def _text_kind(start: bytes) -> str:
    """Text of the kinds that are no tables."""
    if _PICKLED.match(start):
        return _PICKLE
    head = start.lstrip(b"\xef\xbb\xbf \t\r\n")[:200].lower()
    if re.match(rb"\{\s*\"|\[\s*[\[{]", head):
        return "a JSON file (an experiment is opened, and not imported; points are to be saved as CSV)"
    if head.startswith(b"%%matrixmarket"):
        return "a Matrix Market file: save its matrix as CSV or NPY"
    if re.match(rb"(coff|off|noff|ply|solid [^\n]*|# vtk datafile[^\n]*)\r?\n", head) or re.match(
        rb"((#|o |g |s |mtllib |usemtl )[^\n]*\n|\s)*v( +[-+.\de]+){3,6}\s*\nv ", start[:4000].lower()
    ):
        return "a mesh of 3D points (OBJ, OFF, PLY, STL or VTK): save two of its coordinates as CSV"
    if re.match(rb"[+-]?[\d.]+( +\d+:[+-]?[\d.]\S*)+ *\r?\n", head):
        return "a LIBSVM file, whose rows name their columns: save it as CSV"
    if head.startswith(_PAGES):
        return "a web page (HTML): save its table as CSV"
    if head.startswith(b"<?xml") or head.startswith(b"<svg"):
        return "an SVG drawing: save it as PNG" if b"<svg" in start[:2000].lower() else "an XML file"
    if start.startswith((b"P1", b"P2", b"P3", b"P4", b"P5", b"P6")) and start[2:3].isspace():
        return PICTURE
    return TEXT
