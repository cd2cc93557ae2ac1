"""What a program reports to other libraries: metrics and parameters, seen at the calls that the program makes anyway.

One file for each library. It is loaded after the program has imported that library, and wraps the functions by which
values are reported. A wrapped function has the same arguments, result and errors. What goes wrong here is a warning.
"""
