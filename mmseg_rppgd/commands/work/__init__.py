"""The work of the commands: imported when their words have been read.

A module has the name of its command and does what :func:`run` is given, the
words that the command has read.
"""
