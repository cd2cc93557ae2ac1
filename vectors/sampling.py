"""Samples, from the section on them in docs/format.md alone: which units a plan reads. Slow and obvious."""

from fractions import Fraction
from math import ceil

import blake3

UNITS = {"file": "bytes/16384", "tensor": "element", "tree": "file", "weights": "element"}


def share_of(plan):
    text = plan["share"]
    return Fraction(text[:-1]) / 100 if text.endswith("%") else Fraction(text)


def amount_of(plan):
    """The amount as it stands in a description: a count of at least 2, or a share in lowest terms."""
    if "count" in plan:
        return max(2, plan["count"])
    return [share_of(plan).numerator, share_of(plan).denominator]


def seed_of(plan):
    return int(plan.get("seed", 0))


def written(of, plan):
    strategy = plan["strategy"] + (f",seed={seed_of(plan)}" if plan["strategy"] == "random" else "")
    amount = amount_of(plan)
    amount = f"count={amount}" if isinstance(amount, int) else f"share={amount[0]}/{amount[1]}"
    above = f",above={plan['above']}" if of == "weights" and plan.get("above", 0) > 0 else ""
    return f"{of},{strategy},{amount}{above},unit={UNITS[of]}"


def stratum(n, k, j, seed):
    begin, end = (1 + at * (n - 2) // (k - 2) for at in (j, j + 1))
    digest = blake3.blake3(seed.to_bytes(8, "little") + j.to_bytes(8, "little")).digest()
    return begin + int.from_bytes(digest[:8], "little") % (end - begin)


def select(plan, n):
    """The units to read of n, or None where everything is read."""
    k = plan["count"] if "count" in plan else ceil(share_of(plan) * n)
    k = min(max(k, 2), n)
    if n <= plan.get("above", 0) or k >= n:
        return None
    if plan["strategy"] == "strided":
        return [i * (n - 1) // (k - 1) for i in range(k)]
    if plan["strategy"] == "random":
        return [0, *(stratum(n, k, j, seed_of(plan)) for j in range(k - 2)), n - 1]
    r = min(64, k // 2)
    m = k // r
    return [i * (n - r) // (m - 1) + j for i in range(m) for j in range(r)]


def read(plan, data, width):
    """The bytes that a plan reads of data in units of so many bytes, and whether those are not all."""
    units = [data[start : start + width] for start in range(0, len(data), width)]
    chosen = select(plan, len(units))
    return (data, False) if chosen is None else (b"".join(units[unit] for unit in chosen), True)


def head(of, plan, units, size):
    """The items of a description but for the last."""
    above = plan.get("above", 0) if of == "weights" else 0
    return [of, plan["strategy"], seed_of(plan), amount_of(plan), above, UNITS[of], units, size]
