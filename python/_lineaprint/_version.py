"""The version of this package: that of the package of npm, which has the command."""

VERSION = "0.1.0"
