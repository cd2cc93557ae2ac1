"""What the vectors of tables hash; the forms of values stand in tables.py.

`files` are in the folder tables, where write_tables.py put them with pyarrow: each holds the table of its case.
"""

import struct

ABOUT = {
    "table": "Tables by their values; tables.py says how these are written. `files` hold the same table, in the folder "
    "tables; `csv` and `jsonl` are texts that hold it, under `schema` if there is one. `sameAs` names a case with "
    "equal digests; all others differ. Digests of unordered tables stand beside; `unorderedAs` names their equal.",
}


def column(name, kind, *values):
    return {"name": name, "type": kind, "values": list(values)}


def painted(name, kind, nulls=0):
    return {"name": name, "type": kind, "painted": {"nulls": nulls}}


def table(name, *columns, rows=None, **more):
    if rows is None:
        rows = len(columns[0]["values"])
    return {"name": name, "rows": rows, "columns": list(columns)} | more


def f64(*values):
    return [None if value is None else struct.pack(">d", value).hex() for value in values]


PARQUET = ["parquet", "small.parquet", "v2.parquet"]
ARROW = ["arrow", "arrows"]
ALL = PARQUET + ARROW

SIMPLE = [column("id", "int64", 1, 2, 3), column("name", "utf8", "ann", None, ""), column("score", "float64", *f64(0.5, None, -1.0))]
SHUFFLED = [column("id", "int64", 3, 1, 2), column("name", "utf8", "", "ann", None), column("score", "float64", *f64(-1.0, 0.5, None))]

INTEGERS = [
    column("int8", "int8", -128, None, 127),
    column("int16", "int16", -32768, 0, None),
    column("int32", "int32", None, -(2**31), 2**31 - 1),
    column("int64", "int64", str(-(2**63)), str(2**63 - 1), None),
    column("uint8", "uint8", 255, 0, None),
    column("uint16", "uint16", None, 65535, 1),
    column("uint32", "uint32", 2**32 - 1, None, 0),
    column("uint64", "uint64", str(2**64 - 1), None, 7),
    column("bool", "bool", True, None, False),
]

FLOATS = [
    column("float16", "float16", "3c00", "8000", None, "7e01", "7c00"),
    column("float32", "float32", "3f800000", "80000000", None, "7fa00001", "ff800000"),
    column("float64", "float64", *f64(0.1, -0.0), None, "7ff8000000000000", "7ff4000000000001"),
]

TEXTS = [
    column("utf8", "utf8", "", "a longer text than a view holds", None, "é€😀", "\x00"),
    column("binary", "binary", "", "00ff80", None, "c3", "00" * 40),
    column("fixed", "fixed_binary(3)", "000000", "ffffff", None, "0102ff", "abcdef"),
]

NUMBERS = [
    column("small", "decimal(9,2)", "-12345", None, "0", "999999999"),
    column("large", "decimal(38,10)", "1" * 38, "-" + "9" * 38, None, "5"),
    column("huge", "decimal(76,0)", "7" * 76, None, "-1", "0"),
]

TIMES = [
    column("date32", "date32", 0, -719162, None, 2932896),
    column("ms", "timestamp(ms)", 0, None, -1, 1700000000123),
    column("us", "timestamp(us,UTC)", None, 0, 1700000000123456, -1),
    column("ns", "timestamp(ns,Europe/Berlin)", "1700000000123456789", None, 0, 1),
    column("offset", 'timestamp(us,"+02:00")', 1, 2, None, 3),
    column("time_ms", "time32(ms)", 0, 86399999, None, 1),
    column("time_us", "time64(us)", 86399999999, None, 0, 1),
    column("time_ns", "time64(ns)", 0, None, 86399999999999, 1),
    column("duration", "duration(us)", -5, None, 0, 5),
]

# Parquet has no seconds, and no dates in milliseconds that are no whole days.
SECONDS = [
    column("s", "timestamp(s)", 0, None, -1),
    column("time_s", "time32(s)", 0, 86399, None),
    column("duration_s", "duration(s)", None, 1, 2),
    column("date64", "date64", 0, None, 86400000),
]

NESTED = [
    column("list", "list<int32>", [1, 2], None, [], [None, 3], [4]),
    column("lists", "list<list<utf8>>", [["a"], None, []], [], None, [[None, "b"]], [["c", "d"]]),
    column("fixed", "fixed_list<2,float32>", ["3f800000", None], None, ["00000000", "80000000"], [None, None], None),
    column("struct", "struct<x:int8,y:utf8>", [1, "a"], None, [None, "b"], [3, None], [None, None]),
    column("deep", "struct<a:struct<b:list<int8>>>", [[[1, 2]]], [None], None, [[None]], [[[]]]),
    column("map", "map<utf8,int64>", [["k", 1], ["l", None]], None, [], [["m", 2]], [["n", 3], ["n", 4]]),
    column("rows", "list<struct<n:int16,t:utf8>>", [[1, "p"], None], [], None, [[None, None]], [[2, "q"]]),
]

CASES = {
    "table": [
        table("no columns, no rows", rows=0),
        table("no rows", column("id", "int64"), column("tags", "list<utf8>"), files=ALL),
        table(
            "three rows",
            *SIMPLE,
            files=ALL,
            csv='\ufeffid,name,score\r\n1,ann,0.5\r\n2,,\r\n3,"",-1\r\n',
            jsonl='{"id":1,"name":"ann","score":0.5}\n{"score":null,"id":2}\n{"name":"","score":-1.0,"id":3}',
            schema={"id": "int64", "name": "utf8", "score": "float64"},
        ),
        table("rows in another order", *SHUFFLED, files=["parquet"], unorderedAs="three rows"),
        table("columns in another order", *SIMPLE[::-1], files=["parquet"]),
        table(
            "text without a schema",
            column("id", "utf8", "1", "2", "3"),
            column("name", "utf8", "ann", "", ""),
            column("score", "utf8", "0.5", "", "-1"),
            files=["parquet"],
            csv='id,name,score\n1,ann,0.5\n2,,\n3,"",-1',
        ),
        table(
            "quotes, commas and line ends",
            column("a,b", "utf8", 'say "no"', "two\r\nlines", ",", " x "),
            column('"', "utf8", "", "é", "\n", '"'),
            files=["arrow"],
            csv='"a,b",""""\n"say ""no""",\n"two\r\nlines",é\n",","\n"\n x ,""""\n',
        ),
        table("one row of nothing", column("n", "null", None), files=["parquet", *ARROW]),
        table("null is not the empty text", column("t", "utf8", None), files=["parquet"], csv="t\n\n", schema={"t": "utf8"}),
        table("the empty text", column("t", "utf8", ""), files=["parquet"], csv="t\n\n"),
        table("zero", column("n", "int8", 0)),
        table("a null number", column("n", "int8", None)),
        table("four null numbers", column("n", "int8", None, None, None, None)),
        table("one name twice", column("a", "int32", 1), column("a", "int32", 2), files=["parquet", *ARROW]),
        table("one name twice, the other way round", column("a", "int32", 2), column("a", "int32", 1)),
        table("integers and booleans", *INTEGERS, files=ALL),
        table("floats by their bits", *FLOATS, files=ALL),
        table("texts and bytes", *TEXTS, files=ALL),
        table("decimals", *NUMBERS, files=ALL),
        table("dates and times", *TIMES, files=ALL),
        table("seconds", *SECONDS, files=ARROW),
        table("lists, structures and maps", *NESTED, files=ALL),
        table("a null structure", column("s", "struct<x:int8>", None)),
        table("a structure of null", column("s", "struct<x:int8>", [None])),
        table("odd names", column("s", 'struct<"a:b,c":int8,"q\\"\\\\":int8>', [1, 2]), files=["parquet", *ARROW]),
        *(
            table(f"{rows} rows", painted("n", "int32"), painted("t", "utf8", nulls=7), rows=rows, files=["painted.parquet"])
            for rows in (65536, 131073)
        ),
    ]
}
