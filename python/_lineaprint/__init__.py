"""What every Python program of a run loads at its start. The package `lineaprint` is what programs import themselves.

Modules of this package import only what Python has already loaded or what is built in.
"""
