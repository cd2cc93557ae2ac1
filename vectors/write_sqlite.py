"""Write the databases of `databases/`: small pages, so that trees are deep and records are on pages of their own."""

import sqlite3
from pathlib import Path

DATABASES = Path(__file__).parent / "databases"


def write(name: str, encoding: str, *statements: str) -> None:
    """Write a database again."""
    path = DATABASES / name
    path.unlink(missing_ok=True)
    database = sqlite3.connect(path)
    database.execute(f"PRAGMA encoding = '{encoding}'")
    database.execute("PRAGMA page_size = 512")
    with database:
        for statement in statements:
            database.execute(statement)
    database.close()


COUNT = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 300) INSERT INTO t SELECT "

if __name__ == "__main__":
    write(
        "rows.sqlite",
        "UTF-8",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT NOT NULL, n INT, r REAL, b BLOB)",
        "CREATE INDEX i ON t (n)",
        COUNT + "x * 3, printf('row %d %.*c', x, x % 50 * (x % 7 = 0) * 9, 'y'), nullif(x % 5, 0) * x * x, x / 7.0, x'00ff' FROM c",
        "ALTER TABLE t ADD COLUMN late TEXT DEFAULT 'none'",
    )
    write(
        "keys.sqlite",
        "UTF-16le",
        "CREATE TABLE t (word TEXT, n INT, truth BOOLEAN, PRIMARY KEY (n, word)) WITHOUT ROWID",
        COUNT + "hex(x * x), x % 17, x % 2 FROM c",
    )
