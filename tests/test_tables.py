"""Tables and arrays as people have them: each is read right, or refused with the reason; none is silently wrong."""

import bz2
import csv
import gzip
import io
import lzma
import os
import re
import struct
import threading
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from explorer.cli import main
from explorer.data.imports import Choice, DataFileError, all_points, look, read_data, take, taking
from explorer.data.imports.numerals import values_of
from explorer.session.document import loads, read

XY = [(10.0, 1.0), (20.0, 5.0), (30.0, 3.0), (40.0, 7.0)]
NBSP, NARROW = "\u00a0", "\u202f"


def file_of(folder, name, content):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def points_of(path, **choice):
    preview = look(path)
    imported = take(preview, replace(preview.proposal, **choice))
    return [tuple(p) for p in imported.original(imported.points).round(9).tolist()]


def npy(array, version=None):
    out = io.BytesIO()
    np.lib.format.write_array(out, np.asarray(array), version, allow_pickle=True)
    return out.getvalue()


def npz(**arrays):
    out = io.BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()


# --- text: what is read -----------------------------------------------------------------------------------------

LINES = "10,1\n20,5\n30,3\n40,7\n"
READ = {
    # quotes, decimal marks, group marks
    "quoted thousands.csv": ('x,y\n"1,200","300"\n"2,000","700"\n"1,500","1,000"\n',
                             [(1200, 300), (2000, 700), (1500, 1000)]),
    "quoted decimals.csv": ('x,y\n"1,5","2,5"\n"3,25","4"\n"5,125","0,5"\n', [(1.5, 2.5), (3.25, 4), (5.125, 0.5)]),
    "quoted both.csv": ('x,y\n"1,234.5","6"\n"2,000.25","7.5"\n', [(1234.5, 6), (2000.25, 7.5)]),
    "german both.csv": ("x;y\n1.234,5;6\n2.000,25;7,5\n", [(1234.5, 6), (2000.25, 7.5)]),
    "semicolon decimals.csv": ("x;y\n1,5;2,5\n3;4,25\n", [(1.5, 2.5), (3, 4.25)]),
    "no header decimals.csv": ("1,5;2,5\n3;4,25\n", [(1.5, 2.5), (3, 4.25)]),
    "tab thousands.tsv": ("x\ty\n900\t300\n1,200\t700\n2,000\t1,500\n", [(900, 300), (1200, 700), (2000, 1500)]),
    "german thousands.csv": ("x;y\n900;300\n1.200;700\n2.000;1.500\n", [(900, 300), (1200, 700), (2000, 1500)]),
    "millions.tsv": ("x\ty\n1,200,000\t1\n2,500,000\t2\n", [(1.2e6, 1), (2.5e6, 2)]),
    "lakhs.tsv": ("x\ty\n12,34,567\t1\n1,00,000\t2\n", [(1234567, 1), (100000, 2)]),
    "decides later.tsv": ("x\ty\n1,234\t1\n2,345\t2\n2,5\t3\n", [(1.234, 1), (2.345, 2), (2.5, 3)]),
    "the other column decides.tsv": ("x\ty\n1,234\t1,5\n2,345\t2,25\n", [(1.234, 1.5), (2.345, 2.25)]),
    "the other column has dots.tsv": ("x\ty\n1,234\t1.5\n2,345\t2.25\n", [(1234, 1.5), (2345, 2.25)]),
    "three decimals.csv": ("x,y\n1.234,2.345\n3.456,4.567\n", [(1.234, 2.345), (3.456, 4.567)]),
    "lakhs with decimals.csv": ('x,y\n"1,23,456.7","1"\n"12,34,567","2"\n', [(123456.7, 1), (1234567, 2)]),
    "spaces in thousands.csv": ("x;y\n1 200;300\n1 500;2 700\n", [(1200, 300), (1500, 2700)]),
    "nbsp.csv": (f"x;y\n1{NBSP}200,5;300,5\n1{NBSP}500,5;700,5\n", [(1200.5, 300.5), (1500.5, 700.5)]),
    "narrow nbsp.csv": (f"x;y\n1{NARROW}200,5;300\n12{NARROW}500;700\n", [(1200.5, 300), (12500, 700)]),
    "nbsp latin.csv": (f"x;y\n1{NBSP}200,5;3\n1{NBSP}500,5;7\n".encode("cp1252"), [(1200.5, 3), (1500.5, 7)]),
    "apostrophes.csv": ("x;y\n1'200.5;300\n1'500;2'700\n", [(1200.5, 300), (1500, 2700)]),
    "swiss.csv": ("x;y\n1’200.5;300\n1’500;2’700\n", [(1200.5, 300), (1500, 2700)]),
    "minus signs.csv": ("x,y\n−10,1\n-20,5\n+30,3\n", [(-10, 1), (-20, 5), (30, 3)]),
    "exponents.csv": ("x;y\n1,5E+03;2e2\n2,5E-01;3e2\n", [(1500, 200), (0.25, 300)]),
    "fortran.txt": ("1.5D+03 2.0D0\n2.5D-01 3.0D0\n", [(1500, 2), (0.25, 3)]),
    "bare points.csv": ("x,y\n.5,1.\n-.25,2.\n", [(0.5, 1), (-0.25, 2)]),
    # delimiters
    "comma.csv": ("x,y\n" + LINES, XY),
    "comma space.csv": ("x, y\n" + LINES.replace(",", ", "), XY),
    "semicolon.csv": ("x;y\n" + LINES.replace(",", ";"), XY),
    "tab.tsv": ("x\ty\n" + LINES.replace(",", "\t"), XY),
    "bar.txt": ("x|y\n" + LINES.replace(",", "|"), XY),
    "bar and spaces.txt": ("x | y\n" + LINES.replace(",", " | "), XY),
    "space.txt": ("x y\n" + LINES.replace(",", " "), XY),
    "aligned.txt": ("   x     y\n  10     1\n  20     5\n 100    12\n", [(10, 1), (20, 5), (100, 12)]),
    "spaces and tabs.txt": ("x\t y\n10 \t1\n20  5\n30\t\t3\n", [(10, 1), (20, 5), (30, 3)]),
    "trailing spaces.txt": ("10 1 \n20 5  \n30 3\n", [(10, 1), (20, 5), (30, 3)]),
    "trailing commas.csv": ("x,y\n10,1,\n20,5,\n30,3,\n", [(10, 1), (20, 5), (30, 3)]),
    "sep.csv": ("sep=;\nx;y\n10;1\n20;5\n", [(10, 1), (20, 5)]),
    "quoted sep.csv": ('"sep=|"\r\nx|y\r\n10|1\r\n20|5\r\n', [(10, 1), (20, 5)]),
    "quoted words.csv": ('"the x, in m","the y"\n10,1\n20,5\n', [(10, 1), (20, 5)]),
    "line in quotes.csv": ('"a\nb",y\n10,1\n20,5\n', [(10, 1), (20, 5)]),
    "single quotes.csv": ("'x','y'\n'10','1'\n'20','5'\n'30','3'\n", [(10, 1), (20, 5), (30, 3)]),
    # lines that are no rows
    "comments.csv": ("# made by hand\n% twice\nx,y\n10,1\n# in between\n20,5\n", [(10, 1), (20, 5)]),
    "apostrophe in a comment.csv": ('# it\'s "so\nx,y\n10,1\n20,5\n', [(10, 1), (20, 5)]),
    "header in a comment.txt": ("# y x\n1 10\n5 20\n3 30\n", [(10, 1), (20, 5), (30, 3)]),
    "title.csv": ("Measured on 3 March\n\nx,y\n10,1\n20,5\n", [(10, 1), (20, 5)]),
    "title with commas.csv": ("Run 5, 3 March, noon\nx,y\n10,1\n20,5\n", [(10, 1), (20, 5)]),
    "title over spaces.txt": ("Measured on Monday\n10 1\n20 5\n", [(10, 1), (20, 5)]),
    "names of several words.txt": ("height (cm) weight (kg)\n10 1\n20 5\n", [(10, 1), (20, 5)]),
    "names begin with a sign.txt": ("%,mm\n1,10\n5,20\n3,30\n", [(1, 10), (5, 20), (3, 30)]),
    "several titles.csv": ("Device: A\nOperator: B\nDate: 2024-03-01\ny,x\n1,10\n5,20\n", [(10, 1), (20, 5)]),
    "units.csv": ("y,x\ns,m\n1,10\n5,20\n", [(10, 1), (20, 5)]),
    "units in brackets.csv": ("x,y\n[mm],[kg m^-3]\n10,1\n20,5\n", [(10, 1), (20, 5)]),
    "title, header, units.csv": ("Probe 7\nx;y\n(mm);(µs)\n10;1\n20;5\n", [(10, 1), (20, 5)]),
    "pairs above the header.csv": ("Device;ABC\ny;x\n1;10\n5;20\n", [(10, 1), (20, 5)]),
    "blank lines.csv": ("\n\nx,y\n\n10,1\n   \n20,5\n\n", [(10, 1), (20, 5)]),
    # days are no coordinates
    "days.csv": ("date,a,b\n20200131,10,1\n20200201,20,5\n20200202,30,3\n", [(10, 1), (20, 5), (30, 3)]),
    "days at the end.csv": ("a,b,day\n10,1,19991231\n20,5,20000101\n30,3,20000102\n", [(10, 1), (20, 5), (30, 3)]),
    "no days.csv": ("size,mass\n20209901,10\n20201301,20\n19990229,30\n",
                    [(20209901, 10), (20201301, 20), (19990229, 30)]),
    # encodings and ends of lines
    "bom.csv": ("\ufeffx,y\n" + LINES, XY),
    "utf-16.csv": (("x,y\n" + LINES).encode("utf-16"), XY),
    "utf-16 big.csv": (("\ufeffx,y\n" + LINES).encode("utf-16-be"), XY),
    "utf-16 no mark.csv": (("x,y\n" + LINES).encode("utf-16-le"), XY),
    "utf-16 big no mark.csv": (("x,y\n" + LINES).encode("utf-16-be"), XY),
    "utf-32.csv": (("x,y\n" + LINES).encode("utf-32"), XY),
    "utf-32 no mark.csv": (("x,y\n" + LINES).encode("utf-32-le"), XY),
    "latin.csv": ("größe,x,y\nklein,10,1\nübergroß,20,5\n".encode("latin-1"), [(10, 1), (20, 5)]),
    "two marks.csv": ("\ufeff\ufeffy,x\n1,10\n5,20\n", [(10, 1), (20, 5)]),
    "dos.csv": ("x,y\r\n" + LINES.replace("\n", "\r\n"), XY),
    "mac.csv": ("x,y\r" + LINES.replace("\n", "\r"), XY),
    "no last end.csv": ("x,y\n10,1\n20,5", [(10, 1), (20, 5)]),
    "end mark of dos.csv": ("x,y\n" + LINES + "\x1a", XY),
    "blocks of gnuplot.txt": ("# a\n10 1\n20 5\n\n\n# b\n30 3\n40 7\n", XY),
    "octave.txt": ("# name: A\n# type: matrix\n# rows: 4\n# columns: 2\n 10 1\n 20 5\n 30 3\n 40 7\n", XY),
    "tables of a laboratory.csv": (
        "# One\n# caption\na,b\n10,1\n20,5\n\n# Two\n# caption\nu,v,w\n5,6,7\n",
        [(10, 1), (20, 5)],
    ),
    # headers and row names
    "no header.csv": (LINES, XY),
    "numeric header.csv": ("0,1\n10.5,1.5\n20.5,5.5\n30.5,3.5\n", [(10.5, 1.5), (20.5, 5.5), (30.5, 3.5)]),
    "years.csv": ("2019,2020\n10.5,1.5\n20.5,5.5\n30.5,3.5\n", [(10.5, 1.5), (20.5, 5.5), (30.5, 3.5)]),
    "three numeric names.csv": ("0,1,2\n10,1,4\n20,5,4\n30,3,4\n", [(10, 1), (20, 5), (30, 3)]),
    "curve from 0,1.csv": ("0,1\n0.1,0.995\n0.2,0.98\n0.3,0.955\n", [(0, 1), (0.1, 0.995), (0.2, 0.98), (0.3, 0.955)]),
    "whole points from 0,1.csv": ("0,1\n1,0\n-1,2\n0,3\n", [(0, 1), (1, 0), (-1, 2), (0, 3)]),
    "points around 0,1.csv": ("0,1\n-3,5\n2,4\n1,-1\n3,0\n", [(0, 1), (-3, 5), (2, 4), (1, -1), (3, 0)]),
    "pandas.csv": (",x,y\n0,10,1\n1,20,5\n2,30,3\n3,40,7\n", XY),
    "pandas unnamed.csv": (",0,1\n0,10,1\n1,20,5\n2,30,3\n3,40,7\n", XY),
    "pandas twice.csv": ("Unnamed: 0,x,y\n0,10,1\n1,20,5\n2,30,3\n3,40,7\n", XY),
    "index.csv": ("index,a,b\n5,10,1\n7,20,5\n9,30,3\n11,40,7\n", XY),
    "ids.csv": ("id,x,y\n1000,10,1\n1001,20,5\n1002,30,3\n1003,40,7\n", XY),
    "cell id.csv": ("cell_id,a,b\n1000,10,1\n1001,20,5\n1002,30,3\n1003,40,7\n", XY),
    "counter.csv": ("0,10,1\n1,20,5\n2,30,3\n3,40,7\n", XY),
    "counter from 1.csv": ("k,a,b\n1,10,1\n2,20,5\n3,30,3\n4,40,7\n", XY),
    "r.csv": ('"","x","y"\n"1",10,1\n"2",20,5\n"3",30,3\n"4",40,7\n', XY),
    "pandas with spaces.txt": (" x y\n0 10 1\n1 20 5\n2 30 3\n3 40 7\n", XY),
    "r table.txt": ('"x" "y"\n"1" 10 1\n"2" 20 5\n"3" 30 3\n"4" 40 7\n', XY),
    "r named rows.txt": ("x y\nann 10 1\nbob 20 5\ncid 30 3\ndan 40 7\n", XY),
    "r quoted rows.csv": ('"x","y"\n"1",10,1\n"2",20,5\n"3",30,3\n"4",40,7\n', XY),
    **{f"counted by {name}.csv": (f"{name},height,width\n105,10,1\n220,20,5\n33,30,3\n940,40,7\n", XY) for name in (
        "ID", "No.", "#", "SampleID", "ParticleId", "OBJECTID", "fid", "key", "Number", "S.No", "Sl. No.", "...1",
        "Unnamed: 0.1", "case", "Subject", "seq", "uuid", "obs", "row", "sample_id", "_id")},
    "counted by X, as R does.csv": ("X,height,width\n1,10,1\n2,20,5\n3,30,3\n4,40,7\n", XY),
    # coordinates by name
    **{f"{x} and {y}.csv".replace("/", " per "): (f'w,"{y}","{x}"\n1.5,1,10\n2.5,5,20\n7,3,30\n9,7,40\n', XY)
       for x, y in (
        ("X (mm)", "Y (mm)"), ("x/mm", "y/mm"), ("x, mm", "y, mm"), ("PC1", "PC2"), ("t-SNE 1", "t-SNE 2"),
        ("Component 1", "Component 2"), ("x[0]", "x[1]"), ("centroid_x", "centroid_y"), ("GazeX", "GazeY"),
        ("lng", "lat"), ("E", "N"), ("re", "im"), ("col", "row"), ("latent_0", "latent_1"), ("vx", "vy"))},
    "y before x.csv": ("y,x\n1,10\n5,20\n3,30\n7,40\n", XY),
    "capitals.csv": ("Y,X\n1,10\n5,20\n3,30\n7,40\n", XY),
    "units in names.csv": ("t,y [m],x [m]\n5,1,10\n5,5,20\n5,3,30\n5,7,40\n", XY),
    "units after names.csv": ("y_m,x_m\n1,10\n5,20\n3,30\n7,40\n", XY),
    "lat before lon.csv": ("lat,lon\n1,10\n5,20\n3,30\n7,40\n", XY),
    "longitude.csv": ("Latitude,Longitude\n1,10\n5,20\n3,30\n7,40\n", XY),
    "x2 before x1.csv": ("x2,x1\n1,10\n5,20\n3,30\n7,40\n", XY),
    "umap.csv": ("cluster,UMAP_2,UMAP_1\na,1,10\na,5,20\nb,3,30\nb,7,40\n", XY),
    "pos.csv": ("pos_y,pos_x\n1,10\n5,20\n3,30\n7,40\n", XY),
    "words first.csv": ("name,height,weight\nann,10,1\nbob,20,5\ncid,30,3\ndan,40,7\n", XY),
    "empty column.csv": ("a,b,c\n,10,1\n,20,5\n,30,3\n,40,7\n", XY),
    "class first.csv": ("label,u1,w1\n0,10,1\n0,20,5\n1,30,3\n1,40,7\n", XY),
    # several data sets beside one another: the first
    **{f"{first} and {second} of {len(names)}.csv": (",".join(names) + "\n" + "".join(
        ",".join({first: f"{x}", second: f"{y}"}.get(n, f"{i}.5") for i, n in enumerate(names)) + "\n"
        for x, y in XY), XY)
       for first, second, names in (
        ("x1", "y1", ("x1", "y1", "x2", "y2")), ("x1", "y1", ("x1", "x2", "x3", "y1", "y2", "y3")),
        ("x0", "y0", ("x0", "x1", "y0", "y1")), ("away_x", "away_y", ("away_x", "away_y", "dino_x", "dino_y")),
        ("x_1", "y_1", ("y_1", "x_1", "y_2", "x_2")), ("f0", "f1", tuple(f"f{i}" for i in range(200))),
        ("f1", "f2", tuple(f"f{i}" for i in range(1, 130))), ("lat_0", "lat_1", ("k", "lat_0", "lat_1", "lat_2")))},
    # with lines drawn
    "markdown.md": ("| y | x |\n|---|---|\n| 1 | 10 |\n| 5 | 20 |\n", [(10, 1), (20, 5)]),
    "markdown, aligned.md": ("|  y |  x | k |\n|---:|:--:|:--|\n|  1 | 10 | a |\n|  5 | 20 | a |\n",
                             [(10, 1), (20, 5)]),
    "of a database.txt": ("+---+----+\n| y | x  |\n+---+----+\n| 1 | 10 |\n| 5 | 20 |\n+---+----+\n",
                          [(10, 1), (20, 5)]),
    "of another database.txt": (" y | x\n---+----\n 1 | 10\n 5 | 20\n", [(10, 1), (20, 5)]),
    "underlined.txt": ("y    x\n==== ====\n1    10\n5    20\n", [(10, 1), (20, 5)]),
    # more titles than rows
    "arff.arff": ("@relation a\n@attribute x numeric\n@attribute y numeric\n@data\n10,1\n20,5\n30,3\n",
                  [(10, 1), (20, 5), (30, 3)]),
    "four lines of titles.txt": ("Run\nof\nthe\nprobe\n10;1\n20;5\n30;3\n", [(10, 1), (20, 5), (30, 3)]),
    # the size and the classes above, as scikit-learn writes
    "scikit-learn.csv": ("3,2,ant,bee,cat\n1.5,1.2,10,1,0\n2.5,1.1,20,0,1\n3.5,1.3,30,1,2\n",
                         [(1.5, 1.2), (2.5, 1.1), (3.5, 1.3)]),
    # names between other delimiters than the rows
    **{f"names with {ord(head)} above rows with {ord(mark)}.csv": (f"y{head}x\n1{mark}10\n5{mark}20\n3{mark}30\n",
                                                                  [(10, 1), (20, 5), (30, 3)])
       for head in ",;\t|" for mark in ",;\t| " if head != mark},
    "names with a comma and a space.txt": ("y, x\n1 10\n5 20\n3 30\n", [(10, 1), (20, 5), (30, 3)]),
    "a title with a comma.csv": ("Berlin, Bern\n10;1\n20;5\n30;3\n", [(10, 1), (20, 5), (30, 3)]),
    # one column
    "one column.csv": ("value\n0.1\n0.5\n-1\n2\n", [(0.1,), (0.5,), (-1,), (2,)]),
    "one bare column.txt": ("0.1\n0.5\n-1\n2\n", [(0.1,), (0.5,), (-1,), (2,)]),
    "one column of commas.csv": ("wert\n0,1\n0,5\n-1,5\n2,25\n", [(0.1,), (0.5,), (-1.5,), (2.25,)]),
    "one column, quoted.csv": ('wert\n"0,1"\n"0,5"\n"-1,5"\n', [(0.1,), (0.5,), (-1.5,)]),
    "a series of pandas.csv": (",value\n0,0.1\n1,0.5\n2,-1\n3,2\n", [(0.1,), (0.5,), (-1,), (2,)]),
    "one column and words.csv": ("name,v\nann,0.1\nbob,0.5\ncid,-1\n", [(0.1,), (0.5,), (-1,)]),
}  # fmt: skip


@pytest.mark.parametrize("name", READ)
def test_text_is_read(tmp_path, name):
    content, due = READ[name]
    assert points_of(file_of(tmp_path, name, content)) == [tuple(map(float, p)) for p in due]


FEW_NAMES = {
    "gb18030": ("坐标甲,坐标乙,类别", "经度,纬度,名称", "身高,体重,性别", "序号,温度,压力"),
    "cp932": ("横座標,縦座標,種類", "身長,体重,名前", "ポイント,値,日"),
    "big5": ("橫座標,縱座標,類別", "經度,緯度,名稱"),
    "euc_kr": ("가로,세로,종류", "경도,위도,이름"),
    "cp1251": ("широта,долгота,вид", "Рост,Вес,Имя"),
    "koi8_r": ("широта,долгота,вид",),
    "cp1252": ("größe,höhe,art", "x (°C),y (°),k", "Größe [µm],Fläche [m²],Öl", "température,été,âge"),
}


@pytest.mark.parametrize(
    ("encoding", "names"), [(encoding, names) for encoding, all_ in FEW_NAMES.items() for names in all_]
)
def test_a_few_names_tell_their_script(tmp_path, encoding, names):
    rows = "".join(f"{x},{y},{names[-1] * (i % 2)}z\n" for i, (x, y) in enumerate(XY))
    got = read_data(file_of(tmp_path, "a.csv", f"{names}\n{rows}".encode(encoding)))
    assert ",".join(got.columns) == names.rpartition(",")[0] and got.classes == ("z", f"{names[-1]}z")
    assert [tuple(p) for p in got.original(got.points).round(9).tolist()] == XY


@pytest.mark.parametrize(
    "text", ["x;y\n1\xa0200;5\n1\xa0500;7\n", "x;y\n1’200;5\n1’500;7\n", "°;°\n1200;5\n1500;7\n"]
)
def test_signs_beside_numbers_are_western(tmp_path, text):
    assert points_of(file_of(tmp_path, "a.csv", text.encode("cp1252"))) == [(1200, 5), (1500, 7)]


# --- text: what is refused --------------------------------------------------------------------------------------

REFUSED = {
    "two readings.tsv": ("x\ty\n1,200\t5\n1,500\t7\n", r"two ways.*'x'.*1\.2 .*1200 "),
    "two readings, quoted.csv": ('x,y\n"1,234","5"\n"1,567","7"\n', r"two ways.*1\.234 .*1234 "),
    "two readings of dots.csv": ("x;y\n1.234;5\n1.567;7\n", r"two ways.*1\.234 .*1234 "),
    "two readings of dots and tabs.tsv": ("x\ty\n1.234\t5\n1.567\t7\n", r"two ways"),
    "round dots between commas.csv": ("x,y\n1.200,5\n1.500,7\n", r"two ways"),
    "a coordinate in words.csv": ("x,y\n0x10,1\n0x20,2\n", r"'x' holds words"),
    "decimals or columns.csv": ("1,05\n2,5\n3,75\n", r"two ways, 1,05 as 1\.05 .* or as two columns"),
    "decimals or columns, negative.csv": ("-1,5\n-2,005\n3,75\n4\n", r"two ways|fields? in line"),
    "money.csv": ("x;y\n1 200,00 €;5\n1 300,00 €;7\n", r"'x' holds words"),
    "two readings with thousands.tsv": ("x\ty\n1,234\t5\n900\t7\n", r"two ways"),
    "marks that contradict.csv": ("x;y\n1,5;1\n2.5;2\n", r"'1,5 and 2\.5'.*contradict"),
    "money beside numbers.csv": ("price,y\n$10,1\n$20,5\n$30,3\n", r"'price' holds '\$10'"),
    "shares beside numbers.csv": ("share;y\n10 %;1\n20 %;5\nNA;3\n", r"'share' holds '10 %'"),
    "brackets for minus.csv": ("loss,gain\n(10),1\n(20),5\n(30),3\n", r"'loss' holds '\(10\)'"),
    "units in every field.csv": ("x,y\n10 mm,1 mm\n20 mm,5 mm\n30 mm,3 mm\n", "no column of numbers"),
    "an empty coordinate.csv": ("x,y\nNA,1\nNA,2\nNA,3\n", "'x' is empty"),
    "wrong sep.csv": ("sep=;\nx,y\n10,1\n20,5\n30,3\n", "two ways, as 2 columns"),
    "quoted lines.csv": ('"x,y"\n"10,1"\n"20,5"\n"30,3"\n', "two ways, as 2 columns"),
    "a comment behind numbers.txt": ("10 1 # first\n20 5\n30 3\n", "4 names in line 1"),
    "more than names.csv": ("x,y\n1,5,2,5\n3,5,4,5\n5,5,0,5\n", "4 fields in line 2 but 2 names in line 1"),
    "three and two.csv": ("x,y\n1,5,2\n3,5,4\n5,5,0\n", "3 fields in line 2 but 2 names"),
    "fewer than names.csv": ("x,y,z\n1,5\n3,5\n5,5\n", "2 fields in line 2 but 3 names"),
    "one row longer.csv": ("x,y\n1,5\n3,5,4\n5,6\n", "3 fields in line 3, but 2 names"),
    "one row shorter.csv": ("x,y\n1,5\n3\n5,6\n", "1 field in line 3, but 2 names"),
    "ragged below a comment.csv": ("# c\nx,y\n\n1,5\n# d\n3,4,5\n5,6\n", "3 fields in line 6"),
    "ragged below quotes.csv": ('n,x,y\n"a\nb",1,5\nc,3\nd,5,6\n', "2 fields in line 4"),
    "word.csv": ("x,y\n1,2\n3,4\n3,abc\n", "'abc' in line 4, where a number"),
    "word in the first row.csv": ("1,y\n1,2\n2,3\n", "'y' in line 1"),
    "underscore.csv": ("x,y\n1_000,2\n3,4\n5,6\n7,8\n", "'1_000' in line 2"),
    "bad groups.tsv": ("x\ty\n1,20,5\t2\n3\t4\n5\t6\n", "'1,20,5' in line 2"),
    "per cent.csv": ("x,y\n1,2\n3,4\n5,6%\n", "'6%' in line 4"),
    "errors behind.csv": ("a,b\n10±1,1\n20±2,5\n30±2,3\n", r"'a' holds '10±1'"),
    "errors in brackets.csv": ("a,b\n10.0(1),1\n20.0(2),5\n30.0(3),3\n", r"'a' holds '10\.0\(1\)'"),
    "shares alone.csv": ("a,b\n10%,1%\n20%,5%\n30%,3%\n", "no column of numbers: it holds '10%'"),
    "a share called x.csv": ("x,y\n10%,1\n20%,5\n30%,3\n", "'x' holds words.*'10%'"),
    "a quotation mark that is never closed.csv": ('x,y\n10,1\n20,"5\n30,3\n', "in line 3, where a number"),
    "closed a line later.csv": ('x,y\n10,1\n20,"5\n30"\n', "'5 30' in line 3"),
    "words only.csv": ("a,b\nc,d\ne,f\n", "no column of numbers"),
    "prose.txt": ("This is no table.\nReally, it is not.\nNo.\n", "no column of numbers"),
    "header only.csv": ("x,y\n", "empty"),
    "nothing.csv": ("", "empty"),
    "endless quote.csv": ("x,y\n1,2\n" + '3,"4\n' + "5,6\n" * 40_000, r"line 3"),
    "zeros.csv": (bytes(5000), "no text"),
    "controls.csv": (bytes(range(1, 32)) * 20, "no text"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_text_is_refused_with_the_place_or_both_readings(tmp_path, name):
    content, match = REFUSED[name]
    path = file_of(tmp_path, name, content)
    with pytest.raises(DataFileError, match=match) as caught:
        read_data(path)
    assert str(caught.value).startswith(name) and "\n" not in str(caught.value)


@pytest.mark.parametrize(("decimal", "due"), [(",", [(1.2, 5), (1.5, 7)]), (".", [(1200, 5), (1500, 7)])])
def test_a_question_is_asked_and_its_answer_holds(tmp_path, decimal, due):
    path = file_of(tmp_path, "a.tsv", "x\ty\n1,200\t5\n1,500\t7\n")
    (column,) = look(path).questions
    assert column.name == "x" and {r.decimal for r in column.readings} == {",", "."}
    assert points_of(path, decimal=decimal) == due


def test_what_the_first_rows_leave_open_all_rows_decide(tmp_path, monkeypatch):
    monkeypatch.setattr("explorer.data.imports.tables._BLOCK", 1 << 12)
    rows = ["1,200\t5"] * 3_000 + ["2,5\t6"]
    path = file_of(tmp_path, "a.tsv", "x\ty\n" + "\n".join(rows) + "\n")
    assert len(look(path).questions) == 1 and not look(path).complete
    assert set(all_points(look(path))[:, 0].tolist()) == {1.2, 2.5}


MISSING = ("", "NA", "#N/A", "NaN", "nan", "null", "NULL", "None", "-", "?", "#DIV/0!", "#VALUE!", "#NV", "<NA>", "n/a",
           "#REF!", "NaT", "-nan", "1.#QNAN", "--", ".", "–", "N/A", "#NUM!", "#NAME?", "missing")  # fmt: skip


@pytest.mark.parametrize("word", MISSING)
@pytest.mark.parametrize("first", [False, True])
def test_missing_words_are_counted(tmp_path, word, first):
    row = f"{word},5" if first else f"15,{word}"
    got = read_data(file_of(tmp_path, "a.csv", f"x,y\n10,1\n{row}\n20,5\n30,3\n"))
    assert got.rows == 4 and got.left_out == {"a number missing": 1} and len(got.points) == 3
    assert "1 with a number missing left out" in got.sentence


@pytest.mark.parametrize("word", ["inf", "-inf", "Inf", "Infinity", "1.#INF", "∞"])
def test_infinite_words_are_counted_apart(tmp_path, word):
    got = read_data(file_of(tmp_path, "a.csv", f"x,y\n10,1\n{word},2\nNA,2\n20,5\n30,3\n"))
    assert got.left_out == {"an infinite number": 1, "a number missing": 1}


@pytest.mark.parametrize(
    "word", ["Total", "SUM", "mean", "Std. dev.", "Summe:", "Mittelwert", "moyenne", "合计", "75%"]
)
@pytest.mark.parametrize("head", ["name", ""])
def test_totals_are_no_points(tmp_path, word, head):
    names = ("ann", "bob", "cid") if head else (0, 1, 2)
    rows = [f"{n},{x},{y}" for n, (x, y) in zip(names, XY, strict=False)]
    path = file_of(tmp_path, "a.csv", f"{head},x,y\n" + "\n".join([*rows, f"{word},60,9"]))
    assert points_of(path) == XY[:3] and read_data(path).left_out == {"a total or mean": 1}
    with pytest.raises(DataFileError, match="line 5"):
        all_points(look(path))


@pytest.mark.parametrize("rows", [["mean", "max", "mean", "max"], ["summary", "meaning", "counter", "maxim"]])
def test_words_that_are_no_totals_stay(tmp_path, rows):
    text = "".join(f"{n},{x},{y}\n" for n, (x, y) in zip(rows, XY, strict=True))
    assert points_of(file_of(tmp_path, "a.csv", "k,x,y\n" + text)) == XY


# --- what is chosen ---------------------------------------------------------------------------------------------

DINO = "dataset,x,y\nring,10,1\nring,20,5\ncross,30,3\ncross,40,7\n"
FLOWERS = """sepal,petal,width,species
5.1,1.4,0.2,setosa
4.9,1.3,0.2,setosa
7.0,4.7,1.4,versicolor
6.4,4.5,1.5,versicolor
"""


def test_a_column_of_data_sets_is_a_choice_or_classes(tmp_path):
    preview = look(file_of(tmp_path, "dino.csv", DINO))
    assert preview.sets == {"dataset": ("ring", "cross")} and preview.proposal.classes == "dataset"
    assert preview.proposal.columns == ("x", "y") and not preview.is_plain
    both = take(preview)
    assert both.labels == ("ring", "ring", "cross", "cross") and both.classes == ("ring", "cross")
    mixture = both.distribution().mixture
    assert mixture.label_names == ("ring", "cross") and mixture.label_weights.tolist() == [0.5, 0.5]
    one = take(preview, Choice(("x", "y"), rows=("dataset=cross",)))
    assert one.original(one.points).round(9).tolist() == [[30, 3], [40, 7]] and one.rows == 4
    assert "2 chosen by dataset=cross" in one.sentence


def test_columns_classes_and_ranges(tmp_path):
    preview = look(file_of(tmp_path, "iris.csv", FLOWERS))
    assert [c.kind for c in preview.columns] == ["number"] * 3 + ["text"]
    assert preview.rows[0] == ("5.1", "1.4", "0.2", "setosa") and preview.complete
    assert preview.proposal == Choice(("sepal", "petal"), "species")
    got = take(preview, Choice(("width", "1"), "species", ("1:3",)))
    assert got.original(got.points).round(9).tolist() == [[0.2, 4.9], [1.4, 7.0]] and got.columns == (
        "width",
        "sepal",
    )
    assert got.classes == ("setosa", "versicolor")
    assert np.ptp(all_points(preview, Choice(("petal",)))) == pytest.approx(3.4)
    for wrong in (("nose",), ("sepal", "sepal"), ("species",), ("sepal", "petal", "width")):
        with pytest.raises(DataFileError, match=r"iris\.csv"):
            take(preview, Choice(wrong))
    with pytest.raises(DataFileError, match="no classes"):
        take(preview, Choice(("sepal", "petal"), "width"))
    with pytest.raises(DataFileError, match="COLUMN=VALUE"):
        take(preview, Choice(("sepal", "petal"), rows=("setosa",)))


@pytest.mark.parametrize(
    ("words", "names"), [("0110", ("0", "1")), (("2.0", "10.0", "2.0", "10.0"), ("2", "10"))]
)
def test_whole_numbers_are_classes_too(tmp_path, words, names):
    rows = [f"{w},{x},{y}" for w, (x, y) in zip(words, XY, strict=True)]
    got = read_data(file_of(tmp_path, "a.csv", "label,a,b\n" + "\n".join(rows)))
    assert got.classes == names and list(got.labels) == [w.removesuffix(".0") for w in words]


@pytest.mark.parametrize("rows", [("dataset=ring",), ("dataset = ring",), ("DATASET=ring",), ("0:2",)])
def test_one_class_is_none(tmp_path, rows):
    preview = look(file_of(tmp_path, "a.csv", DINO))
    got = take(preview, replace(preview.proposal, rows=rows, classes="dataset"))
    assert not got.classes and not got.labels and len(got.points) == 2 and " classes" not in got.sentence


def test_a_row_without_a_class_is_left_out(tmp_path):
    got = read_data(file_of(tmp_path, "a.csv", "class,x,y\na,10,1\na,20,5\n,25,5\nb,30,3\nb,40,7\n"))
    assert got.left_out == {"no class": 1} and len(got.points) == 4


def test_unlike_scales_are_said_and_each_axis_may_have_its_own(tmp_path):
    path = file_of(tmp_path, "a.csv", "t_s,u_V\n0,0.001\n2,0.004\n4,0.002\n6,0.005\n8,0.001\n10,0.003\n")
    preview = look(path)
    assert preview.unlike == pytest.approx(np.std([0, 2, 4, 6, 8, 10]) / np.std([1, 4, 2, 5, 1, 3]) * 1000)
    common, each = take(preview), take(preview, replace(preview.proposal, per_axis=True))
    assert "give each axis a scale of its own" in common.sentence and len(set(common.scale)) == 1
    assert each.points.std(axis=0) == pytest.approx([1, 1]) and "of its own" not in each.sentence
    assert np.allclose(each.original(each.points), common.original(common.points))


def test_the_count_of_support_points_is_kept(tmp_path):
    x = np.random.default_rng(0).normal(size=(500, 3))
    path = file_of(tmp_path, "a.npy", npy(x))
    got = take(look(path), Choice(("1", "3"), count=100))
    assert len(got.points) == 100 and "100 kept" in got.sentence


def test_one_column_is_a_distribution_in_one_dimension(tmp_path):
    data = read_data(
        file_of(tmp_path, "a.csv", "value\n" + "\n".join(map(str, range(0, 90, 2))))
    ).distribution()
    assert data.dim == data.mixture.dim == 1 and data.sample(5, 0).shape == (5, 1)
    assert data.mixture.std == pytest.approx(1, abs=0.02)


# --- arrays -----------------------------------------------------------------------------------------------------

PAIRS = np.array(XY)
STRUCTURED = np.array([(y, x, b"a") for x, y in XY], [("y", "f8"), ("x", "f4"), ("name", "S1")])
ARRAYS = {
    "version 3.npy": npy(PAIRS, (3, 0)),
    "version 2.npy": npy(PAIRS, (2, 0)),
    "structured.npy": npy(STRUCTURED),
    "structured version 3.npy": npy(np.array(XY, [("x", "f8"), ("größe", "f8")]), (3, 0)),
    "float16.npy": npy(PAIRS.astype("f2")),
    "longdouble.npy": npy(PAIRS.astype(np.longdouble)),
    "whole.npy": npy(PAIRS.astype("u1")),
    "big endian.npy": npy(PAIRS.astype(">i4")),
    "rows.npy": npy(PAIRS.T),
    "text first.npz": npz(name=np.array("ring"), xy=PAIRS),
    "x and y.npz": npz(y=PAIRS[:, 1], x=PAIRS[:, 0]),
    "columns of x and y.npz": npz(y=PAIRS[:, 1:], x=PAIRS[:, :1]),
    "lon and lat.npz": npz(lat=PAIRS[:, 1], lon=PAIRS[:, 0]),
    "labels first.npz": npz(labels=np.array([0, 0, 1, 1]), embedding=PAIRS),
    "wide beside.npz": npz(features=np.zeros((4, 9)), X=PAIRS),
    "trained and tested.npz": npz(x_test=PAIRS[:3] + 1, x_train=PAIRS, y_train=np.array([0, 1, 0, 1])),
    "covariance beside.npz": npz(cov=np.eye(2), emb=PAIRS),
    "edges beside.npz": npz(links=np.array([[0, 1], [1, 2], [2, 3]]), verts=PAIRS),
    "bounds beside.npz": npz(bounds=np.array([[0, 0], [50, 50]]), cloud=np.c_[PAIRS, PAIRS[:, :1]]),
    "two arrays of numbers.npz": npz(first=PAIRS[:, 0], second=PAIRS[:, 1]),
    "image beside.npz": npz(image=np.zeros((8, 8)), other=PAIRS),
    "records.npz": npz(records=STRUCTURED),
    "a run.npz": npz(
        x=np.stack([PAIRS * 0, PAIRS]).astype("f4"),
        t=np.array([1.0, 0.0]),
        nfe=np.array([0, 1]),
        experiment="{}",
    ),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_the_array_that_fits_is_taken(tmp_path, name):
    assert points_of(file_of(tmp_path, name, ARRAYS[name])) == XY


@pytest.mark.parametrize(
    "names", [("X", "y"), ("x_train", "y_train"), ("arr_0", "arr_1"), ("data", "target")]
)
def test_whole_numbers_beside_points_are_their_classes(tmp_path, names):
    path = file_of(tmp_path, "a.npz", npz(**dict(zip(names, (PAIRS, np.array([3, 3, 7, 7])), strict=True))))
    assert read_data(path).labels == ("3", "3", "7", "7")


FIELDS = {
    "two numbers": np.array([((x, y),) for x, y in XY], [("pos", "f8", 2)]),
    "fields in a field": np.array([(i, (y, x)) for i, (x, y) in enumerate(XY)],
                                  [("id", "i4"), ("p", [("y", "f8"), ("x", "f4")])]),
    "beside a matrix": np.array([(x, np.eye(2), y) for x, y in XY], [("x", "f8"), ("m", "f8", (2, 2)), ("y", "f8")]),
}  # fmt: skip


@pytest.mark.parametrize("name", FIELDS)
def test_fields_within_fields(tmp_path, name):
    assert points_of(file_of(tmp_path, "a.npy", npy(FIELDS[name]))) == XY


def test_true_and_false_are_words(tmp_path):
    array = np.array([(x, y, x > 20) for x, y in XY], [("x", "f8"), ("y", "f8"), ("far", "?")])
    assert read_data(file_of(tmp_path, "a.npy", npy(array))).classes == ("False", "True")


def test_names_and_words_are_of_one_line(tmp_path):
    got = read_data(file_of(tmp_path, "a.csv", 'x,"the\ny",k\n10,1,"a\nb"\n20,5,"a\nb"\n30,3,c\n40,7,c\n'))
    assert got.columns == ("x", "the y") and got.classes == ("a b", "c")


def test_labels_beside_points_are_classes(tmp_path):
    for labels in (
        np.array([3, 3, 7, 7]),
        np.array(["a", "a", "b", "b"]),
        np.array([b"a", b"a", b"b", b"b"]),
    ):
        got = read_data(file_of(tmp_path, "a.npz", npz(label=labels, points=PAIRS)))
        mixture = got.distribution().mixture
        assert mixture.labels.tolist() == [0, 0, 1, 1] and mixture.label_names == got.classes


def test_columns_of_one(tmp_path):
    for array in (PAIRS[:, 0], PAIRS[:, :1], PAIRS[None, :, 0]):
        assert points_of(file_of(tmp_path, "a.npy", npy(array))) == [(x,) for x, _ in XY]


def test_rows_of_coordinates_are_turned(tmp_path):
    rows = np.random.default_rng(0).normal(size=(3, 40))
    assert np.allclose(all_points(look(file_of(tmp_path, "a.npy", npy(rows)))), rows[:2].T)


@pytest.mark.parametrize(("name", "content", "match"), [
    ("a.csv", "0,1\n10,1\n20,5\n30,3\n40,7\n", r"line 1 \(0, 1\) read as a point"),
    ("a.txt", "4 2\n10 1\n20 5\n30 3\n40 7\n", r"line 1 \(4, 2\) read as a point"),
    ("a.csv", "400,410\n0.5,1.5\n0.2,5.5\n0.3,3.5\n", r"line 1 \(400, 410\) read as a point"),
    ("a.csv", "0.0,1.0\n10.5,1.5\n20.5,5.5\n30.5,3.5\n", r"line 1 \(0\.0, 1\.0\) read as a point"),
    ("a.csv", "9,4,ant,bee,cat\n1.5,1.2,10,1,0\n2.5,1.1,20,0,1\n", r"line 1 \(9, 4, ant, bee, cat\) read as names"),
    ("a.csv", "2,1,k=3\n10,1,3\n20,5,4\n30,3,5\n40,2,5\n", r"line 1 \(2, 1, k=3\) read as a point"),
    ("a.csv", "x,y\n10,1\n20,5\n30,3\n60,9\n", "last row is the sum of all others"),
    ("a.npy", npy(np.array([(1, 2, 3j), (4, 5, 6j)], "f8, f8, c16")), r"field f2 \(complex128\) passed over"),
    ("a.npy", npy(PAIRS) + b"more", "4 bytes behind the array"),
    ("a.npz", npz(x=PAIRS[:, 0], y=PAIRS[:, 1], z=np.zeros((4, 4))), "arrays x and y of 3 taken"),
])  # fmt: skip
def test_what_may_have_been_meant_otherwise_is_said(tmp_path, name, content, match):
    with_it = read_data(file_of(tmp_path, name, content))
    assert re.search(match, with_it.sentence)


@pytest.mark.parametrize("array", [
    np.array([[1, None]], object), np.ones((3, 2), bool), np.ones((3, 2), complex), np.array(["a", "b"]),
    np.zeros((2, 2, 2)), np.zeros((0, 2)), np.array("2024", "M8[Y]"),
])  # fmt: skip
def test_arrays_that_are_no_points_are_refused(tmp_path, array):
    for name, content in (("a.npy", npy(array)), ("a.npz", npz(points=array))):
        with pytest.raises(DataFileError, match=name):
            read_data(file_of(tmp_path, name, content))


def test_an_array_of_an_archive_can_be_chosen(tmp_path):
    path = file_of(tmp_path, "a.npz", npz(points=PAIRS, later=PAIRS[::-1] + 1))
    assert set(look(path).parts) == {"points", "later"} and look(path).part == "points"
    got = take(look(path, part="later"))
    assert got.original(got.points)[0] == pytest.approx([41, 8])
    pair = file_of(tmp_path, "b.npz", npz(x=PAIRS[:, 0], y=PAIRS[:, 1], t=np.arange(4.0), z=np.eye(3)))
    assert look(pair).parts == ("x and y", "z") and [c.name for c in look(pair).columns] == ["x", "y", "t"]
    assert all_points(look(pair, part="x and y")).tolist() == PAIRS.tolist()
    assert len(all_points(look(pair, part="z"))) == 3
    with pytest.raises(DataFileError, match="no array 'nose'"):
        look(path, part="nose")


# --- packed text, workbooks, Parquet ----------------------------------------------------------------------------


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_packed_text(tmp_path, pack):
    path = file_of(tmp_path, "a.csv.gz", pack(("x,y\n" + LINES).encode()))
    assert points_of(path) == XY
    cut = file_of(tmp_path, "b.csv.gz", path.read_bytes()[:-12])
    with pytest.raises(DataFileError, match=r"b.csv.gz is (damaged|empty)"):
        read_data(cut)


def test_parquet(tmp_path):
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    columns = {
        "k": ["a", "a", "b", None],
        "y": [1, 5, 3, 7],
        "x": [10.0, 20.0, None, 40.0],
        "__index_level_0__": [5, 6, 7, 8],
    }
    table = pa.table(columns).replace_schema_metadata({"pandas": '{"index_columns": ["__index_level_0__"]}'})
    pq.write_table(table, tmp_path / "a.parquet")
    preview = look(tmp_path / "a.parquet")
    assert [c.kind for c in preview.columns] == ["text", "number", "number", "index"]
    assert points_of(tmp_path / "a.parquet", classes="") == [(10, 1), (20, 5), (40, 7)]
    (tmp_path / "b.parquet").write_bytes((tmp_path / "a.parquet").read_bytes()[:-40])
    with pytest.raises(DataFileError, match="damaged"):
        look(tmp_path / "b.parquet")


def test_parquet_says_what_it_passes_over(tmp_path):
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    pq.write_table(
        pa.table(
            {
                "p": [{"a": 1}] * 4,
                "l": [[1, 2]] * 4,
                "k": [b"a", b"a", b"b", b"b"],
                "x": [1, 2, 3, 5],
                "y": [1, 5, 3, 7],
            }
        ),
        tmp_path / "a.parquet",
    )
    got = read_data(tmp_path / "a.parquet")
    assert got.classes == ("a", "b") and re.search(
        r"columns p \(struct.*l \(list.* passed over", got.sentence
    )
    pq.write_table(pa.table({"l": [[1, 2]] * 4}), tmp_path / "b.parquet")
    with pytest.raises(DataFileError, match=r"no column of numbers, but l \(list"):
        look(tmp_path / "b.parquet")


SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def workbook(hidden=(), merged=(), **sheets):
    """The bytes of an .xlsx with these rows in sheets; text beginning with # is an error value.

    hidden: names of sheets that are not shown; merged: ranges of cells that are one, in every sheet.
    """
    out = io.BytesIO()
    link = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    kinds = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    with zipfile.ZipFile(out, "w") as z:
        parts = "".join(
            f'<Override PartName="/xl/worksheets/sheet{i}.xml" ContentType="{kinds}.worksheet+xml"/>'
            for i in range(1, len(sheets) + 1)
        )
        z.writestr("[Content_Types].xml", '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
                   '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
                   f'<Override PartName="/xl/workbook.xml" ContentType="{kinds}.sheet.main+xml"/>'
                   f"{parts}</Types>")  # fmt: skip
        package = "http://schemas.openxmlformats.org/package/2006/relationships"
        z.writestr("_rels/.rels", f'<Relationships xmlns="{package}"><Relationship Id="r" Type="{link}/officeDocument" '
                   'Target="xl/workbook.xml"/></Relationships>')  # fmt: skip
        hide = lambda name: ' state="hidden"' if name in hidden else ""  # noqa: E731
        cells = "".join(f'<mergeCell ref="{area}"/>' for area in merged)
        cells = f"<mergeCells>{cells}</mergeCells>" if merged else ""
        listed = "".join(
            f'<sheet name="{n}" sheetId="{i}" r:id="r{i}"{hide(n)}/>' for i, n in enumerate(sheets, 1)
        )
        z.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{SHEET}" xmlns:r="{link}"><sheets>{listed}</sheets></workbook>',
        )
        links = "".join(f'<Relationship Id="r{i}" Type="{link}/worksheet" Target="worksheets/sheet{i}.xml"/>'
                        for i in range(1, len(sheets) + 1))  # fmt: skip
        z.writestr("xl/_rels/workbook.xml.rels", f'<Relationships xmlns="{package}">{links}</Relationships>')
        for i, rows in enumerate(sheets.values(), 1):
            z.writestr(f"xl/worksheets/sheet{i}.xml", f'<worksheet xmlns="{SHEET}"><sheetData>'
                       + "".join(f'<row r="{r}">{"".join(_cell(r, c, v) for c, v in enumerate(row))}</row>'
                                 for r, row in enumerate(rows, 1)) + f"</sheetData>{cells}</worksheet>")  # fmt: skip
    return out.getvalue()


def _cell(row, column, value):
    place = f'r="{chr(65 + column)}{row}"'
    if isinstance(value, str):
        if value.startswith("#"):
            return f'<c {place} t="e"><v>{value}</v></c>'
        return f'<c {place} t="inlineStr"><is><t>{value}</t></is></c>' if value else ""
    return f"<c {place}><v>{value}</v></c>"


@pytest.mark.parametrize("rows", [
    [["x", "y"], *XY],
    [["y", "x"], *[(y, x) for x, y in XY]],
    [["", "x", "y"], *[(i, x, y) for i, (x, y) in enumerate(XY)]],
    [["Measured in March"], [], ["x", "y"], ["m", "s"], *XY],
    XY,
    [["x", "y"], *[(f"{x:.2f}".replace(".", ","), y) for x, y in XY]],  # numbers kept as text
    [["x", "y"], XY[0], [], *XY[1:], ["#N/A", 4.0], ["#DIV/0!", 5.0]],
])  # fmt: skip
def test_workbooks(tmp_path, rows):
    pytest.importorskip("python_calamine")
    assert points_of(file_of(tmp_path, "a.xlsx", workbook(Data=rows))) == XY


def test_a_sheet_that_is_shown_comes_before_one_that_is_not(tmp_path):
    pytest.importorskip("python_calamine")
    path = file_of(
        tmp_path, "a.xlsx", workbook(hidden=("One",), One=[["u", "v"], (1, 2), (3, 4)], Two=[["x", "y"], *XY])
    )
    assert look(path).part == "Two" and points_of(path) == XY
    assert look(path, part="One").columns[0].name == "u"


def test_cells_that_are_merged_downwards_say_the_same_for_all_their_rows(tmp_path):
    pytest.importorskip("python_calamine")
    rows = [
        ["March", "", ""],
        ["k", "x\n(mm)", "y\n(mm)"],
        *[("ab"[i // 2] * (i % 2 == 0), x, y) for i, (x, y) in enumerate(XY)],
    ]
    got = read_data(file_of(tmp_path, "a.xlsx", workbook(merged=("A1:C1", "A3:A4", "A5:A6"), Data=rows)))
    assert got.labels == ("a", "a", "b", "b") and not got.dropped and got.columns == ("x (mm)", "y (mm)")


def test_a_sheet_of_open_document(tmp_path):
    pytest.importorskip("python_calamine")
    names = ' xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"'
    names += ' xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"'
    names += ' xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"'
    cell = '<table:table-cell office:value-type="float" office:value="{0}"><text:p>{0}</text:p></table:table-cell>'
    word = '<table:table-cell office:value-type="string"><text:p>{0}</text:p></table:table-cell>'
    rows = [[word.format(w) for w in ("y", "x")], *[[cell.format(y), cell.format(x)] for x, y in XY]]
    sheet = "".join(f"<table:table-row>{''.join(row)}</table:table-row>" for row in rows)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        z.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        z.writestr(
            "META-INF/manifest.xml",
            '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>',
        )
        z.writestr("content.xml", f"<office:document-content{names}><office:body><office:spreadsheet>"
                   f'<table:table table:name="A">{sheet}</table:table></office:spreadsheet></office:body>'
                   "</office:document-content>")  # fmt: skip
    assert points_of(file_of(tmp_path, "a.ods", out.getvalue())) == XY


def test_sheets_of_a_workbook(tmp_path):
    pytest.importorskip("python_calamine")
    path = file_of(
        tmp_path, "a.xlsx", workbook(Notes=[["nothing"]], One=[["x", "y"], *XY], Two=[*XY[:2], (1.234, 2)])
    )
    preview = look(path)
    assert preview.parts == ("Notes", "One", "Two") and preview.part == "One" and points_of(path) == XY
    assert all_points(look(path, part="Two"))[-1].tolist() == [1.234, 2]  # a number, whatever it looks like
    wrong = file_of(tmp_path, "b.xlsx", workbook(A=[["x", "y"], (1.0, 2.0), (3.0, "abc"), (5.0, 6.0)]))
    with pytest.raises(DataFileError, match="'abc' in row 3"):
        read_data(wrong)
    with pytest.raises(DataFileError, match="damaged"):
        read_data(file_of(tmp_path, "c.xlsx", path.read_bytes()[:600] + path.read_bytes()[900:]))


@pytest.mark.parametrize(("module", "name", "content"), [
    ("python_calamine", "a.xlsx", workbook(A=[*XY])), ("pyarrow", "a.parquet", b"PAR1" + bytes(20) + b"PAR1"),
])  # fmt: skip
def test_a_missing_package_is_named(tmp_path, monkeypatch, module, name, content):
    monkeypatch.setitem(__import__("sys").modules, module, None)
    with pytest.raises(DataFileError, match=r"score-explorer\[tables\]"):
        read_data(file_of(tmp_path, name, content))


# --- files of other kinds ---------------------------------------------------------------------------------------

ZIP = {name: [name] for name in ("notes.txt", "word/document.xml", "archive/data.pkl", "ppt/slides.xml")}


def zipped(*names):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return out.getvalue()


OTHERS = {
    "a pickle": __import__("pickle").dumps(PAIRS),
    "Matrix Market": b"%%MatrixMarket matrix array real general\n4 2\n10\n20\n30\n40\n1\n5\n3\n7\n",
    "LIBSVM": b"1 1:10 2:1\n-1 1:20 2:5\n1 1:30 2:3\n",
    "mesh": b"OFF\n4 1 0\n10 1 0\n20 5 0\n30 3 0\n40 7 0\n3 0 1 2\n",
    "PDF": b"%PDF-1.7\n%\xe2\xe3",
    "HDF5": b"\x89HDF\r\n\x1a\n" + bytes(50),
    "MATLAB": b"MATLAB 5.0 MAT-file, Platform: GLNXA64" + bytes(200),
    "JSON": b'[{"x": 1, "y": 2}]',
    "SQLite": b"SQLite format 3\0" + bytes(100),
    "R data": b"RDX3\nX\n\0\0\0\3",
    "Feather": b"ARROW1\0\0" + bytes(50),
    "HTML": b"<!DOCTYPE html>\n<html><body>1,2</body></html>",
    "XML": b"<?xml version='1.0'?><a>1,2</a>",
    "SVG": b"<svg xmlns='http://www.w3.org/2000/svg'><path d='M 1,2'/></svg>",
    "ZIP archive": zipped("notes.txt"),
    "Word document": zipped("[Content_Types].xml", "word/document.xml"),
    "PowerPoint": zipped("ppt/slides.xml"),
    "never opened": zipped("archive/data.pkl"),
    "video": b"\0\0\0\x18ftypmp42" + bytes(30),
    "font": b"\0\1\0\0\0\x10" + bytes(30),
    "program": b"\x7fELF\2\1\1" + bytes(30),
    "Windows program": b"MZ\x90\0" + bytes(60),
    "TAR": bytes(257) + b"ustar\x0000" + bytes(300),
    "7-Zip": b"7z\xbc\xaf\x27\x1c" + bytes(30),
}


@pytest.mark.parametrize("ending", ["csv", "dat"])
@pytest.mark.parametrize("kind", OTHERS)
def test_a_file_of_another_kind_is_named(tmp_path, kind, ending):
    with pytest.raises(DataFileError, match=kind):
        read_data(file_of(tmp_path, f"a.{ending}", OTHERS[kind]))


OF_THE_KIND = {
    **{f"pickle of protocol {n}": ("a pickle", __import__("pickle").dumps(PAIRS, n)) for n in range(6)},
    **{f"list of protocol {n}": ("a pickle", __import__("pickle").dumps([[1.5, 2.5]] * 4, n)) for n in range(6)},
    "packed pickle": ("packed.*a pickle", gzip.compress(__import__("pickle").dumps(PAIRS))),
    "packed array": ("packed.*NumPy array", bz2.compress(npy(PAIRS))),
    "packed twice": ("packed.*another archive", gzip.compress(gzip.compress(LINES.encode()))),
    "packed TAR": ("packed.*TAR", gzip.compress(b"a.csv" + bytes(252) + b"ustar\x0000" + bytes(300))),
    "data of R, packed as R does": ("packed.*R data", gzip.compress(b"RDX3\nX\n\0\0\0\3")),
    "OBJ": ("mesh", b"# made by hand\no Cube\nv 1.0 2.0 3\nv 2.0 3 4\nv 3 5 -5e-1\nf 1 2 3\n"),
    "bare OBJ": ("mesh", b"v 1 2 3\nv 2 3 4\nv 3 5 5\n"),
    "Stata 12": ("Stata", b"r\2\1\0" + bytes(100)),
    "piece of HTML": ("HTML", b"<table><tr><td>1</td></tr></table>"),
}  # fmt: skip


@pytest.mark.parametrize("name", OF_THE_KIND)
def test_all_of_a_kind_are_named(tmp_path, name):
    kind, content = OF_THE_KIND[name]
    with pytest.raises(DataFileError, match=kind):
        read_data(file_of(tmp_path, "a.csv", content))


@pytest.mark.parametrize("later", ["cut", "other"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_an_array_that_is_another_by_now_is_not_read(tmp_path, later, order):
    path = file_of(
        tmp_path, "a.npy", npy(np.asarray(np.random.default_rng(1).normal(size=(200_000, 2)), order=order))
    )
    preview = look(path)
    if later == "cut":
        os.truncate(path, 5000)  # what is mapped ends the program where it is read beyond the end
    else:
        path.write_bytes(npy(np.zeros((200_000, 2))))
    with pytest.raises(DataFileError, match="changed since"):
        take(preview)


def test_the_kind_is_told_by_the_content_not_the_name(tmp_path):
    assert points_of(file_of(tmp_path, "a.csv", npy(PAIRS))) == XY
    assert points_of(file_of(tmp_path, "b.txt", npz(points=PAIRS))) == XY
    assert points_of(file_of(tmp_path, "c.csv", gzip.compress(LINES.encode()))) == XY
    assert points_of(file_of(tmp_path, "nothing", LINES)) == XY


# --- nothing is read for ever -----------------------------------------------------------------------------------


def test_a_device_without_end_is_bounded(tmp_path, monkeypatch):
    with pytest.raises(DataFileError, match="zero bytes"):
        look("/dev/zero")
    monkeypatch.setattr("explorer.data.imports.sources.MOST_OF_A_STREAM", 1 << 20)
    with pytest.raises(DataFileError, match="no end"):
        look("/dev/urandom")


def test_a_pipe_is_read_and_a_silent_one_left(tmp_path, monkeypatch):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_text("x,y\n" + LINES))
    writer.start()
    assert points_of(pipe) == XY
    writer.join()
    monkeypatch.setattr("explorer.data.imports.sources.PATIENCE", 0.05)
    with pytest.raises(DataFileError, match="nothing came"):
        look(pipe)


def test_packed_text_that_never_ends_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr("explorer.data.imports.tables.MOST_UNPACKED", 1 << 20)
    path = file_of(tmp_path, "a.csv.gz", gzip.compress(b"1,2\n3,4\n" * 300_000))
    with pytest.raises(DataFileError, match="unpacks to more than"):
        read_data(path)


def test_a_workbook_that_unpacks_to_much_is_refused_by_its_list(tmp_path, monkeypatch):
    pytest.importorskip("python_calamine")
    monkeypatch.setattr("explorer.data.imports.books.MAX_UNPACKED", 1000)
    with pytest.raises(DataFileError, match="unpacks to"):
        read_data(file_of(tmp_path, "a.xlsx", workbook(A=[*XY] * 30)))


def test_reading_is_told_in_steps_and_can_be_ended(tmp_path):
    path = file_of(tmp_path, "a.csv", "x,y\n" + "1.5,2.5\n3.5,4.5\n" * 200_000)
    work = taking(look(path))
    shares = [next(work) for _ in range(9)]
    assert shares == sorted(shares) and 0 < shares[0] < shares[-1] < 1
    handles = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else None
    work.close()
    if handles is not None:
        assert len(os.listdir("/proc/self/fd")) == handles - 1


# --- experiments in other encodings -----------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_an_experiment_opens_in_any_unicode(tmp_path, encoding):
    text = '{"data":"two_moons","sampler":{"steps":20,"particles":50}}\r\n'
    found, caution = read(file_of(tmp_path, "a.json", text.encode(encoding)))
    assert found.experiment.sampler.steps == 20 and not caution


# --- the command line -------------------------------------------------------------------------------------------


def run(capsys, *argv):
    code = main([str(a) for a in argv])
    return (code, *capsys.readouterr())


def test_new_takes_columns_classes_rows_and_scales(tmp_path, capsys):
    path = file_of(tmp_path, "iris.csv", FLOWERS)
    code, out, err = run(capsys, "new", "--data", path, "--columns", "width,petal", "--classes", "species")
    data = loads(out)[0].experiment.data
    assert (
        code == 0
        and data.mixture.label_names == ("setosa", "versicolor")
        and "columns width and petal" in err
    )
    due = take(look(path), Choice(("width", "petal"), "species")).distribution()
    assert data == due
    code, out, _ = run(capsys, "new", "--data", path, "--columns", "petal", "--classes", "", "--rows", "0:3")
    data = loads(out)[0].experiment.data
    assert code == 0 and data.dim == 1 and len(data.points) == 3 and not data.labels
    dino = file_of(tmp_path, "dino.csv", DINO)
    code, out, _ = run(capsys, "new", "--data", dino, "--rows", "dataset=ring", "--scale", "each")
    assert code == 0 and np.std(loads(out)[0].experiment.data.points, axis=0) == pytest.approx([1, 1])
    for wrong in (
        ("--columns", "nose"),
        ("--rows", "dataset"),
        ("--classes", "nose"),
        ("--rows", "dataset=nose"),
    ):
        code, out, err = run(capsys, "new", "--data", dino, *wrong)
        assert code == 2 and not out and "dino.csv" in err and "Traceback" not in err


def test_new_asks_for_the_decimal_mark(tmp_path, capsys):
    path = file_of(tmp_path, "a.tsv", "x\ty\n1,200\t5\n1,500\t7\n")
    code, _, err = run(capsys, "new", "--data", path)
    assert code == 2 and "--decimal" in err
    code, out, _ = run(capsys, "new", "--data", path, "--decimal", ",")
    assert code == 0 and "divided by" in loads(out)[0].experiment.data.note


def test_scores_are_asked_for_by_the_same_reader(tmp_path, capsys):
    e = file_of(tmp_path, "e.json", '{"data": "two_moons", "score": {"source": "exact"}}')

    def at(content, name="p.csv", *more):
        code, out, err = run(capsys, "score", e, "--points", file_of(tmp_path, name, content), *more)
        assert code == 0, err
        return [(float(r["x"]), float(r["y"])) for r in csv.DictReader(io.StringIO(out))]

    due = [(0.5, 0.25), (1.5, -0.5)]
    assert at("x,y\n0.5,0.25\n1.5,-0.5\n") == due
    assert at("y;x\n0,25;0,5\n-0,5;1,5\n") == due
    assert at("id,y,x\n7,0.25,0.5\n8,-0.5,1.5\n") == due
    assert at(npy(np.array(due)), "p.npy") == due
    assert at("a,b,c\n9,0.5,0.25\n9,1.5,-0.5\n", "p.csv", "--columns", "b,c") == due
    assert at("k,x,y\na,0.5,0.25\nb,1.5,-0.5\nc,7,7\n", "p.csv", "--rows", ":2") == due
    code, out, _ = run(capsys, "score", e, "--points", tmp_path / "p.csv", "--rows", ":2")
    again = file_of(tmp_path, "again.csv", out)
    assert at(again.read_text(), "again.csv") == due  # its own table
    for wrong in ("a,b,c\n9,0.5,0.25\n9,1.5,-0.5\n", "x,y\n1,NA\n2,3\n", "x\n1\n2\n"):
        code, out, err = run(capsys, "score", e, "--points", file_of(tmp_path, "p.csv", wrong))
        assert code == 2 and not out and err.startswith("score-explorer: --points: p.csv")


def test_the_programs_own_files_are_read_back(tmp_path, capsys):
    e = file_of(
        tmp_path,
        "e.json",
        '{"data": "two_moons", "score": {"source": "exact"}, "sampler": {"steps": 5, "particles": 40}}',
    )
    assert run(capsys, "run", e, "--out", tmp_path / "run.npz")[0] == 0
    assert run(capsys, "export", e, "--out", tmp_path / "run.csv")[0] == 0
    last = np.load(tmp_path / "run.npz")["x"][-1]
    for name in ("run.npz", "run.csv"):
        got = all_points(look(tmp_path / name))
        assert np.allclose(got, last, rtol=1e-6), name
    line = file_of(
        tmp_path,
        "l.json",
        '{"data": "two_modes_1d", "score": {"source": "exact"}, "sampler": {"steps": 5, "particles": 40}}',
    )
    assert run(capsys, "export", line, "--out", tmp_path / "line.csv")[0] == 0
    assert all_points(look(tmp_path / "line.csv")).shape == (40, 1)


# --- random tables ----------------------------------------------------------------------------------------------

WRITERS = [
    (delimiter, decimal, group)
    for delimiter in ",;\t| "
    for decimal, group in (
        (".", ""), (".", ","), (",", ""), (",", "."), (",", " "), (",", NBSP), (",", NARROW), (".", "'"), (".", "’"),
    )
    if not (delimiter == " " and group == " ")
]  # fmt: skip
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"]


def as_text(value, decimals, decimal, group):
    text = f"{value:,.{decimals}f}" if decimals is not None else repr(value)
    return text.replace(",", "\0").replace(".", decimal).replace("\0", group)


values = st.one_of(
    st.floats(-1e6, 1e6).map(lambda v: round(v, 6)), st.integers(-(10**6), 10**6).map(float), st.just(0.0)
)
tables = st.lists(st.tuples(values, values), min_size=2, max_size=12)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=tables, writer=st.sampled_from(WRITERS), decimals=st.sampled_from([None, 0, 1, 2, 3, 4]),
    encoding=st.sampled_from(ENCODINGS), end=st.sampled_from(["\n", "\r\n", "\r"]), header=st.booleans(),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]), index=st.booleans(), hole=st.booleans(),
)  # fmt: skip
@example([(1.2, 5.0), (1.5, 7.0)], ("\t", ",", ""), 3, "utf-8", "\n", True, csv.QUOTE_MINIMAL, False, False)
def test_a_written_table_is_read_back_or_refused(
    tmp_path, rows, writer, decimals, encoding, end, header, quoting, index, hole
):
    delimiter, decimal, group = writer
    # 1.234 between commas is taken as a decimal number, whoever meant 1234
    assume(not (delimiter == "," and group == "." and decimals == 0))
    text = [[as_text(v, decimals, decimal, group) for v in row] for row in rows]
    if hole:
        text[0][1] = "NA"
    out = io.StringIO()
    table = csv.writer(out, delimiter=delimiter, lineterminator=end, quoting=quoting)
    if header:
        table.writerow([*([""] if index else []), "x", "y"])
    for i, row in enumerate(text):
        table.writerow([*([i] if index and header else []), *row])
    try:
        content = out.getvalue().encode(encoding)
    except UnicodeEncodeError:
        assume(False)
    path = file_of(tmp_path, "a.csv", content)
    due = [tuple(float(f"{v:.{decimals}f}") if decimals is not None else v for v in row) for row in rows][
        hole:
    ]
    try:
        preview = look(path, header=header)
        found = take(preview)
    except DataFileError as error:
        assert str(error).startswith("a.csv")
        return
    if not header and len(found.columns) == 1:  # what counts its rows was taken for their number
        return
    assert found.rows == len(rows)
    kept = np.array(found.original(found.points))
    assert kept.shape == (len(due), 2) and np.allclose(
        kept, due, rtol=1e-7, atol=1e-7 * max(1, np.abs(due).max())
    )


@pytest.mark.parametrize(("delimiter", "decimal", "group"), WRITERS)
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_way_of_writing_is_read(tmp_path, delimiter, decimal, group, encoding):
    rng = np.random.default_rng(5)
    rows = [(v, w) for v, w in rng.normal(0, 5000, (40, 2)).round(2).tolist()]
    text = f"x{delimiter}y\n" + "".join(
        delimiter.join(f'"{as_text(v, 2, decimal, group)}"' for v in row) + "\n" for row in rows
    )
    try:
        path = file_of(tmp_path, "a.csv", text.encode(encoding))
    except UnicodeEncodeError:
        pytest.skip(f"{encoding} has no such sign")
    assert np.allclose(all_points(look(path)), rows)


def test_numbers_agree_with_python(tmp_path):
    texts = [
        "1",
        "-2.5",
        "+3e4",
        ".5",
        "5.",
        " 7 ",
        "1e-300",
        "0.1",
        "123456789.123456789",
        "nan",
        "inf",
        "-inf",
    ]
    values, bad = values_of(texts, ".")
    assert not bad and np.array_equal(values, [float(t) for t in texts], equal_nan=True)


def claim(shape):
    head = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x03\x00" + struct.pack("<I", len(head)) + head.encode()


@pytest.mark.parametrize("content", [
    claim((10**12, 2)), claim("(-1, 2)"), claim("('a', 2)"), b"\x93NUMPY\x03\x00" + struct.pack("<I", 2**31),
    b"\x93NUMPY\x09\x00" + bytes(40),
])  # fmt: skip
def test_damaged_headers_of_version_3(tmp_path, content):
    with pytest.raises(DataFileError, match=r"a\.npy"):
        read_data(file_of(tmp_path, "a.npy", content))
