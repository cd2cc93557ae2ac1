"""Turn the rows of two moons into a table with types: the first step of the runs in the pictures of docs/page.md."""

import csv
import os
import sqlite3

if os.path.exists("data/moons.sqlite"):
    os.remove("data/moons.sqlite")
with open("data/moons.csv", encoding="utf-8", newline="") as file, sqlite3.connect("data/moons.sqlite") as database:
    database.execute("create table moons (x real, y real, label integer, side text)")
    for row in csv.DictReader(file):
        side = "left" if float(row["x"]) < 0.5 else None
        values = (float(row["x"]), float(row["y"]), int(row["label"]), side)
        database.execute("insert into moons values (?, ?, ?, ?)", values)
print("written")
