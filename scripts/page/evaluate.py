"""Read a model and the data, as a run that uses what others made: for the pictures of docs/page.md."""

import sqlite3

import lineaprint

with open("model.safetensors", "rb") as file:
    size = len(file.read())
with sqlite3.connect("file:data/moons.sqlite?mode=ro", uri=True) as database:
    (rows,) = database.execute("select count(*) from moons").fetchone()
lineaprint.log_metric("model/bytes", size)
lineaprint.log_metric("rows", rows)
