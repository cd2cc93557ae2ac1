"""Tables of libraries, written as streams of Arrow: pandas, Polars, pyarrow, datasets, and what has an Arrow C stream."""

from __future__ import annotations

import sys

from _lineaprint._errors import LineaprintError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Tuple

    Table = Tuple["int | None", Callable[[Any], Dict[str, Any]]]

#: Rows of a batch at most.
_ROWS = 65536

#: Rows that are asked for at a time of a dataset of Hugging Face.
_AT_ONCE = 10_000


def table_of(source: Any) -> "Table | None":
    """Return about how many bytes a table has, and a function that writes it to a binary file; None for anything else."""
    kind = type(source)
    if isinstance(source, type):
        return None
    root, name = kind.__module__.partition(".")[0], kind.__name__
    makers = {"pandas": _pandas, "polars": _polars, "pyarrow": _pyarrow, "datasets": _hugging_face}
    for base in kind.__mro__:
        maker = makers.get(base.__module__.partition(".")[0])
        # A class of a program that is derived from a frame is one.
        if maker is not None and (base.__name__ in _TABLES or base is kind):
            return maker(source, base.__name__)
    if hasattr(kind, "__arrow_c_stream__"):
        return _stream(source)
    if root in ("xarray", "dask", "modin", "cudf"):
        raise _unsupported("a %s of %s is not read; make it a frame of pandas or a table of pyarrow" % (name, root))
    return None


_TABLES = ("DataFrame", "Table", "RecordBatch", "Dataset", "DatasetDict")


def _unsupported(message: str) -> LineaprintError:
    return LineaprintError("ERR_LINEAPRINT_UNSUPPORTED", message)


def _pyarrow(source: Any, name: str) -> Table:
    if name not in ("Table", "RecordBatch"):
        raise _unsupported("a %s of pyarrow has no names of columns; make it a table: pyarrow.table({'name': values})" % name)
    return source.nbytes, lambda file: _write(file, source.schema, [source])


def _write(file: Any, schema: Any, tables: Any) -> Dict[str, Any]:
    """Write tables of pyarrow one after the other."""
    from importlib import import_module

    # It is loaded already, or the table is of pyarrow, whose part it is.
    ipc: Any = import_module("pyarrow.ipc")
    try:
        with ipc.new_stream(file, schema) as writer:
            for table in tables:
                if hasattr(table, "to_batches"):
                    writer.write_table(table, max_chunksize=_ROWS)
                else:
                    for start in range(0, table.num_rows, _ROWS) or [0]:
                        writer.write_batch(table.slice(start, _ROWS))
    except LineaprintError:
        raise
    except (ValueError, TypeError, NotImplementedError) as error:
        raise _unsupported("the table has no form in Arrow: %s" % error) from error
    return {}


def _polars(source: Any, name: str) -> Table:
    if name == "LazyFrame":
        raise _unsupported("the rows of a LazyFrame are not computed; track the result of collect()")
    if name != "DataFrame":
        raise _unsupported("a %s of polars is no table; track a DataFrame, as to_frame() makes it" % name)
    objects = [column for column, kind in zip(source.columns, source.dtypes) if str(kind).startswith("Object")]
    if objects:
        raise _unsupported("the column %.80r holds objects of Python, whose type is not known; cast it" % objects[0])

    # Text with offsets has fewer bytes than views of it, and is the same text.
    level = getattr(sys.modules["polars"], "CompatLevel", None)
    options = {} if level is None else {"compat_level": level.oldest()}

    def write(file: Any) -> Dict[str, Any]:
        source.write_ipc_stream(file, **options)
        return {}

    return int(source.estimated_size()), write


def _hugging_face(source: Any, name: str) -> Table:
    if name != "Dataset":
        raise _unsupported("a %s of datasets is not read; track a Dataset, or a dict of them" % name)

    def write(file: Any) -> Dict[str, Any]:
        rows = source.with_format("arrow")
        first = rows[0:0] if len(rows) == 0 else rows[0 : min(_AT_ONCE, len(rows))]
        rest = (rows[start : min(start + _AT_ONCE, len(rows))] for start in range(_AT_ONCE, len(rows), _AT_ONCE))

        def tables() -> Any:
            yield first
            for table in rest:
                yield table.cast(first.schema) if table.schema != first.schema else table

        return _write(file, first.schema, tables())

    return None, write


def _stream(source: Any) -> Table:
    """Return a table that gives itself by the Arrow C stream."""
    arrow = sys.modules.get("pyarrow")

    def write(file: Any) -> Dict[str, Any]:
        if arrow is None:
            from . import _arrow_stream

            return _arrow_stream.write(source, file)
        reader = arrow.RecordBatchReader.from_stream(source)
        return _write(file, reader.schema, reader)

    return None, write


def _pandas(source: Any, name: str) -> Table:
    if name != "DataFrame":
        raise _unsupported("a %s of pandas is no table: its name and its index would be lost; track the frame that to_frame() makes of it" % name)
    pandas = sys.modules["pandas"]
    _check_pandas(pandas, source)
    try:
        from importlib import import_module

        pyarrow: Any = import_module("pyarrow")
    except ImportError as error:
        raise _unsupported("a frame of pandas is read by pyarrow, which is not installed; install it, or track frame.to_numpy()") from error
    index = source.index
    # What pandas itself leaves out when it writes Parquet: the numbers of the rows. Any other index is content.
    is_plain = isinstance(index, pandas.RangeIndex) and index.start == 0 and index.step == 1 and index.name is None

    def write(file: Any) -> Dict[str, Any]:
        objects = [at for at, dtype in enumerate(source.dtypes) if str(dtype) == "object"]
        try:
            table = pyarrow.Table.from_pandas(source, preserve_index=not is_plain)
        except Exception as error:
            # Which exceptions, the objects of the frame decide as well.
            for at in objects:
                # It says more, if that is the reason.
                _check_objects(pandas, "the column %.80r" % source.columns[at], source.iloc[:, at])
            raise _unsupported("the frame has no form in Arrow: %s" % error) from error
        for at in objects:
            # Objects that became text are text: looking at each of them again would take as long.
            if str(table.schema.field(at).type) != "string":
                _check_objects(pandas, "the column %.80r" % source.columns[at], source.iloc[:, at])
        if table.num_rows != len(source):
            # pyarrow forgets the rows of a frame without columns.
            raise _unsupported("the frame has %d rows and no columns; track its index: frame.index.to_frame()" % len(source))
        return _write(file, table.schema, [table])

    return int(source.memory_usage(deep=False).sum()), write


def _check_pandas(pandas: Any, frame: Any) -> None:
    """Raise for columns and an index that Arrow would hold in a form that is guessed. Columns of objects are checked later."""
    if frame.columns.nlevels != 1:
        raise _unsupported("columns with several levels have no names; join their names first")
    labels = list(frame.columns)
    for label in labels:
        if not isinstance(label, str):
            raise _unsupported("the name of a column is %.80r, and not text; rename it, for example frame.columns = frame.columns.map(str)" % (label,))
    if len(set(labels)) != len(labels):
        raise _unsupported("two columns of the frame have one name; rename them")
    index = frame.index
    levels = [index.get_level_values(level) for level in range(index.nlevels)]
    for level in levels:
        if level.name is not None and not isinstance(level.name, str):
            raise _unsupported("the name of the index is %.80r, and not text" % (level.name,))
        _check_column(pandas, "the index %r" % (level.name or ""), level)
    for at, label in enumerate(labels):
        if str(frame.dtypes.iloc[at]) != "object":
            _check_column(pandas, "the column %.80r" % label, frame.iloc[:, at])


def _check_column(pandas: Any, what: str, column: Any) -> None:
    dtype = column.dtype
    if isinstance(dtype, pandas.CategoricalDtype):
        if dtype.ordered:
            raise _unsupported("%s has categories in an order, which no table holds; give its values with astype(str), or its numbers with .cat.codes" % what)
        if str(dtype.categories.dtype) == "object":
            _check_objects(pandas, "the categories of " + what, dtype.categories)
        return
    if isinstance(dtype, (pandas.PeriodDtype, pandas.IntervalDtype)):
        raise _unsupported("%s is %s, which no table holds; give its start and end as columns" % (what, dtype))
    if str(dtype) == "object":
        _check_objects(pandas, what, column)


def _check_objects(pandas: Any, what: str, column: Any) -> None:
    import datetime
    import decimal

    # Without a loop in Python, which would take longer than everything else about such a column.
    values = column.to_numpy().tolist()
    kinds = set(map(type, values)) - {type(None), type(pandas.NA), type(pandas.NaT)}
    floats = {kind for kind in kinds if issubclass(kind, float)}
    if floats and all(value != value for value in values if isinstance(value, float)):
        kinds -= floats
    if kinds in ({str}, {bytes}, {bool}, {datetime.date}, set()):
        return
    names = ", ".join(sorted(kind.__name__ for kind in kinds)[:5])
    hint = "as decimals of one precision: pandas.ArrowDtype(pyarrow.decimal128(38, 10))" if kinds == {decimal.Decimal} else 'for example astype("string") or astype("Int64")'
    raise _unsupported("%s holds objects (%s), whose type is not known; give it a type, %s" % (what, names, hint))
