"""What takes long to make and several files look at: made once in a process."""

from functools import cache

from chainrule import chapters

chapter = cache(chapters.load)
"""The page of a chapter, derived and checked."""
